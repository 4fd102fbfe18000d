//! `cargo xtask build [--out DIR] [--dev]`: writes the npm package's `dist`: the wasm modules, glue, adapters,
//! types, as plain ES modules that a page imports from a static server.
//!
//! Every step is skipped when its inputs are as they were, so a second run takes seconds. `--dev`
//! leaves out link-time optimisation and wasm-opt: for quick tests, never for figures. The size budget
//! (`js-adapters/size-budget.json`) is enforced on full builds.

use crate::{glue, toolchain, whereabouts};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_bindgen_cli_support::{Bindgen, EncodeInto};

const TARGET: &str = "wasm32-unknown-unknown";

/// What wasm-opt is asked for, found by trying (docs/size.md): structure first, then three times for
/// size; large functions with one caller stay apart, because they compress better. The first
/// kilobyte of memory is the far end of the stack, so no address there is ever computed. Nothing is said of alignment,
/// which engines do not heed, nor of features, which only tools read. No feature
/// flags: with `--all-features` it writes modules that engines refuse.
const OPTIMISE: &str = "--flatten --rereloop -Oz -Oz -Oz --one-caller-inline-max-function-size=20 \
    --low-memory-unused --reorder-functions-by-name --dealign --strip-target-features";

/// A module that a page may load: its name, the package's features it is made with, and whether it
/// stands in the package as a file of its own, or as bytes inside of a script.
struct Module {
    name: &'static str,
    /// What its imports say that they are of.
    key: &'static str,
    features: &'static str,
    is_file: bool,
}

/// The one for hls.js goes without the reader of MPDs, both without the viewer's disk, which one for all players has,
/// and all without the check of signatures.
const MODULES: [Module; 4] = [
    Module {
        name: "swarmline",
        key: "h",
        features: "engine",
        is_file: true,
    },
    Module {
        name: "swarmline-dash",
        key: "d",
        features: "engine,dash",
        is_file: true,
    },
    Module {
        name: "swarmline-disk",
        key: "s",
        features: "engine,dash,disk",
        is_file: true,
    },
    Module {
        name: "swarmline-keys",
        key: "k",
        features: "keys",
        is_file: false,
    },
];

/// What a build leaves behind.
struct Build {
    root: PathBuf,
    out: PathBuf,
    dev: bool,
}

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let root = toolchain::root();
    let mut build = Build {
        out: root.join("js-adapters/dist"),
        root,
        dev: false,
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--dev" => build.dev = true,
            "--out" => {
                let dir = args.next().ok_or("--out needs a directory")?;
                build.out = std::path::absolute(dir).map_err(|error| format!("{dir}: {error}"))?;
            }
            other => return Err(format!("unknown argument {other}; known: --out DIR, --dev")),
        }
    }
    toolchain::ensure_node()?;
    toolchain::ensure_wasm_target()?;
    toolchain::npm_ci()?;
    for module in &MODULES {
        let compiled = build.compile(module)?;
        build.bind(module, &compiled)?;
        build.optimise(module)?;
    }
    build.adapters()?;
    build.measure()
}

impl Build {
    /// Compiles a wasm module; cargo knows what is up to date.
    fn compile(&self, module: &Module) -> Result<PathBuf, String> {
        step(&format!("compiling the engine to wasm ({})", module.name));
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo.args([
            "rustc",
            "--quiet",
            "--package",
            "swarmline",
            "--lib",
            "--crate-type",
            "cdylib",
            "--profile",
            "wasm",
            "--target",
            TARGET,
            "--no-default-features",
            "--features",
            module.features,
        ]);
        if self.dev {
            cargo.args(["--config", "profile.wasm.lto=\"off\""]);
            cargo.args(["--config", "profile.wasm.codegen-units=16"]);
        }
        toolchain::run(&mut cargo)?;
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), PathBuf::from);
        Ok(self
            .root
            .join(target)
            .join(TARGET)
            .join("wasm/swarmline.wasm"))
    }

    /// Writes the glue and the module that belongs to it.
    fn bind(&self, module: &Module, compiled: &Path) -> Result<(), String> {
        let folder = self.glue();
        let name = module.name;
        let bound = folder.join(format!("{name}_bg.wasm"));
        let stamp = Stamp::of(
            concat!(
                "wasm-bindgen 0.2.130, types, no folders",
                include_str!("glue.rs"),
                include_str!("../../js-adapters/glue-loading.js")
            ),
            &[compiled],
        )?;
        if bound.exists() && stamp.holds(&bound) {
            return Ok(());
        }
        step("writing the glue (wasm-bindgen)");
        let mut output = Bindgen::new()
            .input_path(compiled)
            .out_name(name)
            .web(true)
            .map_err(|error| error.to_string())?
            .typescript(true)
            .encode_into(EncodeInto::Always)
            .omit_default_module_path(true)
            .remove_producers_section(true)
            .generate_output()
            .map_err(|error| format!("wasm-bindgen: {error:#}"))?;
        if let Some(home) = whereabouts::cargo_home() {
            let data = &mut output.wasm_mut().data;
            let ids: Vec<_> = data.iter().map(|segment| segment.id()).collect();
            for id in ids {
                whereabouts::hide(&mut data.get_mut(id).value, &home.to_string_lossy());
            }
        }
        // Functions keep their names: wasm-opt drops them, and sorts better while it has them.
        let names = glue::shorten(&mut output, module.key);
        output
            .emit(&folder)
            .map_err(|error| format!("wasm-bindgen: {error:#}"))?;
        glue::rewrite(&folder, name, &names)?;
        stamp.leave(&bound)
    }

    /// Makes a module small.
    fn optimise(&self, module: &Module) -> Result<(), String> {
        let bound = self.glue().join(format!("{}_bg.wasm", module.name));
        let small = self.small(module);
        let stamp = Stamp::of(if self.dev { "copy" } else { OPTIMISE }, &[&bound])?;
        if small.exists() && stamp.holds(&small) {
            return Ok(());
        }
        fs::create_dir_all(&self.out).map_err(|error| at(&self.out, &error))?;
        if self.dev {
            fs::copy(&bound, &small).map_err(|error| at(&bound, &error))?;
        } else {
            step("making it small (wasm-opt)");
            let mut optimise = Command::new("node");
            optimise.arg("node_modules/binaryen/bin/wasm-opt");
            optimise.args(OPTIMISE.split_whitespace());
            optimise.arg(&bound).arg("-o").arg(&small);
            toolchain::run(&mut optimise)?;
        }
        stamp.leave(&small)
    }

    /// Translates the adapters and writes their types.
    fn adapters(&self) -> Result<(), String> {
        let package = self.root.join("js-adapters");
        let mut sources = files_with(&package, "ts")?;
        for extension in ["html", "css"] {
            sources.extend(files_with(&package, extension)?);
        }
        for module in &MODULES {
            sources.push(self.glue().join(format!("{}.js", module.name)));
            // The embed's folder holds a copy, so that it stands alone.
            sources.push(self.small(module));
        }
        sources.push(package.join("build.mjs"));
        let sources: Vec<&Path> = sources.iter().map(PathBuf::as_path).collect();
        let stamp = Stamp::of("adapters", &sources)?;
        let types = self.out.join("hls.d.ts");
        if types.exists() && stamp.holds(&types.with_file_name("adapters")) {
            return Ok(());
        }
        step("translating the adapters (esbuild, tsc)");
        let mut translate = Command::new("node");
        toolchain::run(translate.arg("js-adapters/build.mjs").arg(&self.out))?;
        stamp.leave(&types.with_file_name("adapters"))
    }

    /// Prints sizes; a full build must keep within the budget.
    fn measure(&self) -> Result<(), String> {
        let mut measure = Command::new("node");
        measure.arg("js-adapters/size.mjs").arg(&self.out);
        if self.dev {
            measure.arg("--no-budget");
        }
        toolchain::run(&mut measure)
    }

    /// Where a module lies when it is small.
    fn small(&self, module: &Module) -> PathBuf {
        let dir = if module.is_file {
            self.out.clone()
        } else {
            self.glue()
        };
        dir.join(format!("{}.wasm", module.name))
    }

    fn glue(&self) -> PathBuf {
        self.root.join("js-adapters/wasm")
    }
}

/// A fingerprint of a step's inputs, left beside its outputs.
struct Stamp {
    print: String,
}

impl Stamp {
    fn of(step: &str, inputs: &[&Path]) -> Result<Self, String> {
        let mut hasher = DefaultHasher::new();
        step.hash(&mut hasher);
        for input in inputs {
            fs::read(input)
                .map_err(|error| at(input, &error))?
                .hash(&mut hasher);
        }
        Ok(Self {
            print: format!("{:016x}", hasher.finish()),
        })
    }

    fn holds(&self, place: &Path) -> bool {
        fs::read_to_string(stamp_file(place)).is_ok_and(|print| print == self.print)
    }

    fn leave(&self, place: &Path) -> Result<(), String> {
        let file = stamp_file(place);
        fs::write(&file, &self.print).map_err(|error| at(&file, &error))
    }
}

/// `dir/.name.stamp`.
fn stamp_file(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.stamp"))
}

/// Says what is being done.
fn step(what: &str) {
    eprintln!("{what}");
}

/// Files directly in `dir` with this extension, sorted.
fn files_with(dir: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(dir).map_err(|error| at(dir, &error))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    Ok(files)
}

fn at(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
