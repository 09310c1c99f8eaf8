//! The host's tools over MCP.

use super::{Host, HostConfig};
use protocol::{
    Code, Problem,
    rest::ReleaseList,
    tools::{PreviewRef, coder, host as tools},
};
use runtime::{
    About, Principal, Service, ShortTool, Toolbox,
    config::{Reader, ServiceConfig, report},
};
use std::{error::Error, process::ExitCode, time::Duration};

/// The service's name.
pub const NAME: &str = "host";

/// What the Coder stages in one call: 16 MiB of files as JSON strings, in which no more than every byte of text is escaped.
const LARGEST_BODY: usize = 40 << 20;

/// A host on this environment, as a service. Nobody may call it yet.
///
/// # Errors
/// [`Code::BadConfiguration`], [`Code::MissingPackage`], or what the file system says.
pub async fn service(config: HostConfig) -> Result<Service, Problem> {
    let host = Host::start(config).await?;
    Ok(Service::new(NAME, toolbox(&host)).body_limit(LARGEST_BODY))
}

/// The names that it has in its cluster, as its callers may write them.
const IN_CLUSTER: [&str; 4] =
    ["host", "host.external-env", "host.external-env.svc", "host.external-env.svc.cluster.local"];

/// How long requests have to be answered after a signal.
const DRAIN: Duration = Duration::from_secs(60);

/// The host as a process of its own, told by its environment what it needs to know: serves until SIGINT or SIGTERM. The exit code
/// is 2 when the configuration is wrong, 1 when something else is.
pub async fn process() -> ExitCode {
    let traces = runtime::telemetry::start_traced(NAME);
    let ended = serve().await.unwrap_or_else(|error| {
        tracing::error!(service = NAME, error = &*error, "The process ends");
        ExitCode::FAILURE
    });
    traces.end().await;
    ended
}

async fn serve() -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let mut reader = Reader::of_process();
    let service_config = ServiceConfig::read(&mut reader);
    let config = HostConfig::read(&mut reader);
    let config = match (reader.finish(), config) {
        (Ok(()), Some(config)) => config,
        (mistakes, _) => return Ok(report(&mistakes.err().unwrap_or_default())),
    };
    let (listen, service) =
        (service_config.listen, service(config).await?.allowed_hosts(IN_CLUSTER.map(str::to_owned)));
    let bound = service_config.apply(service).bind(listen).await?;
    tracing::info!(origin = bound.origin(), "The host is ready");
    runtime::service::run_until_signal(bound, DRAIN).await?;
    Ok(ExitCode::SUCCESS)
}

/// Who may call a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Coder,
    CoderAndTester,
}

impl Who {
    fn admit(self, caller: &Principal) -> Result<(), Problem> {
        match (self, caller) {
            (_, Principal::Service(name)) if name == "coder" => Ok(()),
            (Self::CoderAndTester, Principal::Service(name)) if name == "tester" => Ok(()),
            _ => Err(Code::Forbidden.problem("this caller may not do that to the environment")),
        }
    }
}

const INSTRUCTIONS: &str = "The host of an environment of Yonin, beside its web server: the only one that changes it. For the Coder; the Tester \
may read, and open and reset previews. Every tool may be called again with the same arguments: what is done already stays done. A \
call with an older epoch than the newest seen is refused.";

macro_rules! tools {
    ($($tool:ident: $name:expr, $input:ty => $output:ty, $method:ident, $who:expr, $kind:expr, $title:literal, $description:literal;)*) => {
        $(
            struct $tool(Host);

            impl ShortTool for $tool {
                const NAME: &'static str = $name;
                type Input = $input;
                type Output = $output;

                fn about(&self) -> About {
                    let (read_only, destructive, idempotent) = $kind;
                    About { title: $title, description: $description, read_only, destructive, idempotent }
                }

                async fn call(&self, caller: &Principal, input: Self::Input) -> Result<Self::Output, Problem> {
                    $who.admit(caller)?;
                    self.0.$method(input).await
                }
            }
        )*

        fn toolbox(host: &Host) -> Toolbox {
            Toolbox::new().instructions(INSTRUCTIONS)$(.short($tool(host.clone())))*
        }
    };
}

/// Read only, destructive, idempotent.
type Kind = (bool, bool, bool);
const READS: Kind = (true, false, true);
const ADDS: Kind = (false, false, true);
const CHANGES: Kind = (false, true, true);
const CHANGES_EACH_TIME: Kind = (false, true, false);

tools! {
    OpenPreview: tools::OPEN_PREVIEW, tools::OpenPreviewInput => PreviewRef, open_preview, Who::Coder, ADDS,
        "Open a preview", "Opens a private branch of an app for a task: schema clone, own keys, own address. The same task gets the same one.";
    OpenBasePreview: tools::OPEN_BASE_PREVIEW, tools::OpenPreviewInput => PreviewRef, open_base_preview, Who::CoderAndTester, ADDS,
        "Open a preview of the live release", "Opens a private branch that shows the live release without any change.";
    ResetPreview: tools::RESET_PREVIEW, tools::PreviewInput => tools::Reset, reset_preview, Who::CoderAndTester, CHANGES,
        "Reset a preview", "Puts a preview's schema and keys back to what they were right after staging.";
    Arrange: tools::ARRANGE, tools::ArrangeInput => tools::Arranged, arrange, Who::CoderAndTester, CHANGES_EACH_TIME,
        "Change rows of a preview", "Carries out one INSERT, UPDATE or DELETE in a preview, under the account of its own PHP.";
    ClosePreviews: tools::CLOSE_PREVIEWS, tools::ClosePreviewsInput => tools::Done, close_previews, Who::Coder, CHANGES,
        "Close a task's previews", "Removes every preview of a task with all it has.";
    StageRelease: tools::STAGE_RELEASE, tools::StageReleaseInput => tools::Staged, stage_release, Who::Coder, CHANGES,
        "Stage a change-set", "Puts a change-set into a preview, in place of what was staged there.";
    ActivateRelease: tools::ACTIVATE_RELEASE, tools::ActivateReleaseInput => coder::ReleaseOutput, activate_release, Who::Coder, CHANGES,
        "Make a release live", "Migrates the live schema and makes a staged, tested change-set live, atomically.";
    RollbackRelease: tools::ROLLBACK_RELEASE, tools::RollbackReleaseInput => coder::ReleaseOutput, rollback_release, Who::Coder, CHANGES,
        "Return to a release", "Makes an earlier release live again, or none.";
    Inspect: tools::INSPECT, coder::InspectAppInput => coder::InspectAppOutput, inspect, Who::Coder, READS,
        "Look at an app", "An app's releases, files, tables and migrations, or the list of apps.";
    ListReleases: tools::LIST_RELEASES, tools::ListReleasesInput => ReleaseList, list_releases, Who::Coder, READS,
        "List releases", "An app's releases, newest first.";
    ReadFiles: tools::READ_FILES, tools::ReadFilesInput => tools::ReadFilesOutput, read_files, Who::CoderAndTester, READS,
        "Read files", "Files of what answers in a place; at most 16 MiB together.";
    LintPhp: tools::LINT_PHP, tools::LintPhpInput => tools::LintPhpOutput, lint_php, Who::CoderAndTester, READS,
        "Parse PHP files", "Parses PHP files of what answers in a place, and says which do not parse.";
    TailLog: tools::TAIL_LOG, tools::TailLogInput => tools::TailLogOutput, tail_log, Who::CoderAndTester, READS,
        "Read PHP's log", "PHP's log of a place from an offset on, in whole lines.";
    Access: tools::ACCESS, tools::AccessInput => tools::Access, access, Who::CoderAndTester, READS,
        "Get accounts", "How to reach a place's services with accounts of its own, which only read.";
}
