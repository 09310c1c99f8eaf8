//! Rules that the tree keeps: who may depend on whom, which licences, which twins, a page for every error code.

mod dependencies;
mod error_pages;
mod licences;
mod twins;

use cargo_metadata::{Metadata, MetadataCommand};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The top of the tree.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is one up").to_owned()
}

/// Every package of the tree, ours and others', for one platform that we ship on.
fn metadata() -> Metadata {
    MetadataCommand::new()
        .current_dir(root())
        .other_options(["--locked".to_owned(), "--filter-platform=x86_64-unknown-linux-gnu".to_owned()])
        .exec()
        .expect("cargo metadata")
}

/// The part of `deny.toml` that the tests read.
#[derive(Debug, Deserialize)]
struct Policy {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    skip: Vec<Twin>,
}

#[derive(Debug, Deserialize)]
struct Twin {
    name: String,
    version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

fn policy() -> Policy {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    toml::from_str(&text).expect("deny.toml as we know it")
}
