//! Secret keys in files: one line, told from a public key by its first word, readable by its owner
//! alone.

use super::PublishError;
use super::files::reason;
use crate::integrity::SecretKey;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Longest key file that is looked at, in bytes.
const LEN_MAX: u64 = 4096;

/// Writes a new secret key to a new file.
///
/// # Errors
/// When the file exists, which is never written over: what it signed could not be gone on with. Or
/// when it cannot be made, or the system has no randomness.
pub fn write_new_key(path: &Path) -> Result<SecretKey, PublishError> {
    let key = SecretKey::generate()
        .map_err(|error| PublishError::new(path, format!("no randomness for a key: {error}")))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| {
        let what = if error.kind() == io::ErrorKind::AlreadyExists {
            exists(path)
        } else {
            format!("cannot be made: {}", reason(&error))
        };
        PublishError::new(path, what)
    })?;
    let line = format!("{}\n", key.to_line());
    let written = file
        .write_all(line.as_bytes())
        .and_then(|()| file.sync_all());
    written.map_err(|error| PublishError::io(path, &error))?;
    Ok(key)
}

/// Why an existing file stays, and what its public key is, if that was the question.
fn exists(path: &Path) -> String {
    match read_key(path) {
        Ok(key) => format!(
            "is a secret key already, and stays; its public key is {}",
            key.public_key().to_base64()
        ),
        Err(_) => "exists, and stays; give another name with --out".to_owned(),
    }
}

/// Reads a secret key that [`write_new_key`] wrote.
///
/// # Errors
/// When the file cannot be read or is none.
pub fn read_key(path: &Path) -> Result<SecretKey, PublishError> {
    let fail = |error: io::Error| PublishError::io(path, &error);
    let text = if fs::metadata(path).map_err(fail)?.len() <= LEN_MAX {
        String::from_utf8(fs::read(path).map_err(fail)?).unwrap_or_default()
    } else {
        String::new()
    };
    SecretKey::from_line(&text)
        .ok_or_else(|| PublishError::new(path, "is no secret key; `swarmline keygen` makes one"))
}
