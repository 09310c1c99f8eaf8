//! The clubhouse, an app that nobody generated: taken over as anybody would, and filled with its sample data.

use crate::Front;
use protocol::AppName;
use std::{path::Path, process::Command};

/// Takes the clubhouse over as this app, and fills it: 41 members, 8 events, 5 news, some 14,000 attendances.
///
/// # Panics
/// When it does not go live, or can't be filled.
pub fn take_over(front: &Front, app: &AppName) {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/clubhouse");
    let place = |name: &str| home.join(name).to_str().expect("UTF-8").to_owned();
    let (files, schema) = (place("files"), place("schema.sql"));
    let mut import = front.yonin(&[
        "import",
        &files,
        "--app",
        app.as_str(),
        "--sql",
        &schema,
        "--page",
        "/login",
        "--page",
        "/install",
        "--wait",
    ]);
    let (_, status) = import.output();
    assert!(status.success(), "{status}: {}", import.log());
    let mut fill = Command::new("php");
    fill.arg(home.join("fill.php")).arg(front.web()).arg(format!("{app}.localhost"));
    let filled = fill.output().expect("PHP runs");
    assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));
}
