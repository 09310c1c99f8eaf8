//! Processes are killed where it hurts, and nothing comes of it. [`matrix`] says where, [`case`] what is looked at afterwards,
//! [`target`] looks.
//!
//! `YONIN_CRASH_ONLY=activate cargo nextest run -p tests --test crash` tries those cases alone that have this in their names.

mod case;
mod matrix;
mod stopped;
mod target;

use case::Scene;
use matrix::{Case, Part};
use std::{collections::BTreeSet, path::Path};
use tests::cluster::{Setup, Stores};

#[test]
fn the_matrix_has_every_fail_point_that_the_source_names_and_no_other() {
    let rows = || Part::ALL.into_iter().flat_map(Part::rows);
    let source = matrix::in_source();
    let named: BTreeSet<&str> = source.iter().map(|(point, _)| point.as_str()).collect();
    let tried: BTreeSet<&str> = rows().map(|row| row.point).collect();
    assert_eq!(named, tried);
    for (point, about) in &source {
        let Some(about) = about else { continue };
        let known = rows().filter(|row| row.point == point).any(|row| row.about.iter().any(|(name, _)| name == about));
        assert!(known, "{point}/{about} is in no case");
    }
}

#[test]
fn the_matrix_is_in_the_documentation() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/crash-matrix.md");
    let table = matrix::table();
    if std::env::var_os("YONIN_UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(&file, &table).expect("the documentation can be written");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == table, "docs/crash-matrix.md is old: run this test with YONIN_UPDATE_DOCS=1");
}

#[tokio::test]
async fn agents_on_mariadb() {
    all_pass(on_mariadb(), matrix::cases(Part::Agents)).await;
}

#[tokio::test]
async fn agents_on_sqlite() {
    all_pass(Setup::new(), matrix::spread(Part::Agents)).await;
}

#[tokio::test]
async fn the_host_with_agents_on_mariadb() {
    all_pass(on_mariadb(), matrix::cases(Part::Host)).await;
}

#[tokio::test]
async fn the_host_with_agents_on_sqlite() {
    all_pass(Setup::new(), matrix::spread(Part::Host)).await;
}

/// As on a cluster: a server for the jobs, and Redis for hints. On SQLite there are no hints between processes, and all is polled.
fn on_mariadb() -> Setup {
    let redis = std::env::var("YONIN_TEST_REDIS").expect("the test run starts a Redis: ./dev databases");
    Setup::new().stores(Stores::mariadb()).hints(redis)
}

async fn all_pass(setup: Setup, cases: Vec<Case>) {
    let only = std::env::var("YONIN_CRASH_ONLY").unwrap_or_default();
    let cases: Vec<_> = cases.into_iter().filter(|case| case.variable().contains(&only)).collect();
    let mut scene = Scene::start(setup).await;
    let mut failures = Vec::new();
    for case in &cases {
        match scene.play(case).await {
            Ok(recovery) => println!("{case:?}: recovered in {:.1} s", recovery.as_secs_f64()),
            Err(failure) => {
                println!("{case:?}: FAILED: {failure}");
                failures.push(format!("{case:?}: {failure}"));
            }
        }
    }
    if let Err(failure) = scene.no_job_is_open().await {
        failures.push(failure);
    }
    assert!(failures.is_empty(), "{} of {} cases failed:\n{}", failures.len(), cases.len(), failures.join("\n"));
    scene.end().await;
}
