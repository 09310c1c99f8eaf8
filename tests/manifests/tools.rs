//! The programs that look at manifests.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

/// Where they are; installed first, if need be.
fn directory() -> &'static PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let script = crate::root().join("tests/manifests/tools");
        let output = Command::new(script).stderr(Stdio::inherit()).output().expect("bash is there");
        assert!(output.status.success(), "the tools can't be installed");
        PathBuf::from(String::from_utf8(output.stdout).expect("UTF-8").trim())
    })
}

/// Runs one of them in the top of the tree, with this on its input.
pub(crate) fn run(tool: &str, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(directory().join(tool));
    // helm looks for kubectl's configuration, and shall find nobody's.
    command.args(arguments).current_dir(crate::root()).env("KUBECONFIG", "/dev/null").env("HELM_CACHE_HOME", "/tmp");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{tool} does not start: {error}"));
    // Beside it, since a tool may answer before it has read all.
    let (mut stdin, input) = (child.stdin.take().expect("piped"), input.to_owned());
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    // One that does not read its input to the end has its reasons, and says them.
    let _ = writer.join().expect("no panic");
    output
}

/// The same, for what must go well: what it wrote.
pub(crate) fn succeed(tool: &str, arguments: &[&str], input: &str) -> String {
    let output = run(tool, arguments, input);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {arguments:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).expect("UTF-8")
}
