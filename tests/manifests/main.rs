//! What is written for Kubernetes and Prometheus: does it fit the schemas, does it say what the design says, and does it watch what
//! there is to see? Needs no cluster. The programs it takes are installed by `./tools` when they are missing; without them the tests fail.

mod chart;
mod handbook;
mod monitoring;
mod network;
mod scaling;
mod schemas;
mod secrets;
mod tools;
mod workloads;

use chart::Variant;
use std::path::{Path, PathBuf};

/// The top of the tree.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is one up").to_owned()
}

/// Compares what was made with what is kept in the tree; with `YONIN_UPDATE_DOCS=1`, keeps it.
fn kept(path: &str, made: &str) {
    let file = root().join(path);
    if std::env::var_os("YONIN_UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(file, made).expect("the tree can be written");
        return;
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    assert!(kept == made, "{path} is old: ./dev manifests writes it anew");
}

#[test]
fn k3s_yaml_is_what_the_chart_says() {
    let head = "# Everything, for k3s on one machine. Made from ./chart: change that, then `./dev manifests`.\n\
                #\n\
                #   k8s/make-secrets && kubectl apply -f k8s/k3s.yaml\n";
    kept("k8s/k3s.yaml", &format!("{head}{}", chart::render(&Variant::K3S)));
}
