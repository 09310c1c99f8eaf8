//! What an installation has to hide, as its data directory holds it.

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Every key, password and secret that was seen.
#[derive(Default)]
pub(super) struct Secrets(Mutex<BTreeSet<String>>);

/// Files with secrets, by name.
const FILES: [&str; 4] = ["keys.json", "secrets.json", "accounts.json", "config.php"];

impl Secrets {
    /// Those that are there now.
    pub(super) fn learn(&self, dir: &Path) {
        for (file, text) in files(dir) {
            if file.extension().is_some_and(|extension| extension == "json") {
                collect(&serde_json::from_str(&text).unwrap_or_default(), &mut |secret| self.add(&secret));
            }
        }
    }

    pub(super) fn add(&self, secret: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned());
    }

    /// One that stands in this text.
    pub(super) fn told_by(&self, text: &str) -> Option<String> {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(secrets.len() > 20, "only {} secrets were found", secrets.len());
        secrets.iter().find(|secret| text.contains(secret.as_str())).cloned()
    }
}

/// The files with secrets of the installation, its apps and previews, and what they hold.
pub(super) fn files(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let environment = dir.join("environment");
    let homes = ["apps", "previews"].map(|kind| fs::read_dir(environment.join(kind)).into_iter().flatten().flatten());
    let homes = homes.into_iter().flatten().map(|entry| entry.path());
    for place in [dir.to_owned(), environment.clone()].into_iter().chain(homes) {
        for name in FILES {
            let file = place.join(name);
            // A preview may be gone by now.
            if let Ok(text) = fs::read_to_string(&file) {
                found.insert(file, text);
            }
        }
    }
    found
}

/// Every long text, and every list of bytes as it may be written.
fn collect(value: &Value, add: &mut impl FnMut(String)) {
    match value {
        Value::String(text) if text.len() >= 16 => add(text.clone()),
        Value::Array(list) => {
            let bytes: Option<Vec<u8>> =
                list.iter().map(|byte| byte.as_u64().and_then(|byte| byte.try_into().ok())).collect();
            if let Some(bytes) = bytes.filter(|bytes| bytes.len() >= 16) {
                add(hex::encode(bytes));
                add(value.to_string());
            }
        }
        Value::Object(map) => map.values().for_each(|value| collect(value, add)),
        _ => {}
    }
}
