//! What happens after a panic: every host hears of it once, and every later call is a no-op.
//!
//! A panic on wasm32 aborts in the middle of a turn, so the module's memory is not to be trusted any
//! more. All engines of the module (several players on one page share it) end together.

use super::convert::object;
use super::host::Host;
use std::cell::{Cell, RefCell};
use wasm_bindgen::prelude::JsValue;

thread_local! {
    static DEAD: Cell<bool> = const { Cell::new(false) };
    static HOOKED: Cell<bool> = const { Cell::new(false) };
    static HOSTS: RefCell<Vec<Host>> = const { RefCell::new(Vec::new()) };
}

/// Whether this module has panicked.
pub(super) fn is_dead() -> bool {
    DEAD.get()
}

/// Lets `host` hear of a panic.
pub(super) fn watch(host: &Host) {
    if !HOOKED.replace(true) {
        std::panic::set_hook(Box::new(|info| {
            if DEAD.replace(true) {
                return;
            }
            let event = object(&[
                ("type", "panic".into()),
                ("message", JsValue::from(info.to_string())),
            ]);
            // Taken out first: a host may call back while it hears of it.
            let hosts =
                HOSTS.try_with(|hosts| hosts.try_borrow_mut().map(|mut list| list.split_off(0)));
            if let Ok(Ok(hosts)) = hosts {
                for host in hosts {
                    let _ = host.event(&event);
                }
            }
        }));
    }
    HOSTS.with_borrow_mut(|hosts| hosts.push(host.clone()));
}

/// Lets `host` go.
pub(super) fn unwatch(host: &Host) {
    HOSTS.with_borrow_mut(|hosts| {
        hosts.retain(|other| AsRef::<JsValue>::as_ref(other) != AsRef::<JsValue>::as_ref(host));
    });
}
