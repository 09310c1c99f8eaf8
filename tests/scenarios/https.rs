//! HTTPS: to a provider of language models, and to a Yonin behind a proxy.

use protocol::{
    Code, Problem,
    task::{Status, Task},
};
use tests::{Process, World, provider::Provider, team, tls::Authority};

#[tokio::test]
async fn a_model_behind_https_does_the_work() {
    let (provider, authority) = (Provider::answering(|asked| team::answer(asked, &[])).await, Authority::new());
    let tls = authority.stand_before(&provider.url()).await;
    let world = thinking(&tls.origin(), &authority);
    let app = world.fresh_app();
    let task = world.goal(&app, &team::make(app.as_str())).succeed().await;
    assert!(task.usage.tokens > 0 && !provider.asked().is_empty());
}

#[tokio::test]
async fn a_model_whose_certificate_nobody_knows_is_told_nothing() {
    let provider = Provider::answering(|asked| team::answer(asked, &[])).await;
    let tls = Authority::new().stand_before(&provider.url()).await;
    let world = thinking(&tls.origin(), &Authority::new());
    let problem = world.goal(&world.fresh_app(), "Make a site.").fail().await;
    assert_eq!((problem.code, problem.status), (Code::UntrustedCertificate, 502));
    assert!(problem.title.contains("certificate") && problem.detail.contains("invalid peer certificate"), "{problem}");
    assert!(provider.asked().is_empty(), "it got the question, and the key");
}

// The command is waited for on one thread while another passes on what it says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_speaks_https() {
    let (world, authority) = (World::start(), Authority::new());
    let tls = authority.stand_before(&world.at.api).await;
    let yonin = |arguments: &[&str], authorities: &str| {
        let connection = ["--url", &tls.origin(), "--key", &world.at.key, "--json"];
        let mut process = Process::yonin_with(&[&connection, arguments].concat(), &[("SSL_CERT_FILE", authorities)]);
        let (output, status) = process.output();
        (output, status.code(), process.log())
    };
    let known = authority.file().display().to_string();
    let app = world.fresh_app();
    let (output, code, log) = yonin(&["submit", "notes(text:string!)", "--app", app.as_str(), "--wait"], &known);
    let task: Task = serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}{log}"));
    assert_eq!((task.status, code), (Status::Succeeded, Some(0)), "{log}");

    let other = Authority::new().file();
    for authorities in [other.display().to_string(), "/dev/null".to_owned()] {
        let (output, code, log) = yonin(&["tasks"], &authorities);
        let problem: Problem = serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}{log}"));
        assert_eq!((problem.code, code), (Code::UntrustedCertificate, Some(1)), "{problem}");
    }
}

/// A Yonin whose agents all ask the model there, and trust whom this authority does.
fn thinking(origin: &str, authority: &Authority) -> World {
    let file = authority.file().display().to_string();
    World::with(&[("YONIN_MODEL", &format!("openai:x@{origin}/v1")), ("SSL_CERT_FILE", &file)])
}
