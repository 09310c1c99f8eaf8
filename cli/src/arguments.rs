use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use protocol::{
    AppName, Digest, KeyName, Role, TaskId,
    task::{Approval, Budget, Status},
};
use std::path::PathBuf;

/// Four agents that turn a goal into a tested, live, reversible release of a PHP application.
#[derive(Debug, Parser)]
#[command(name = "yonin", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print results as JSON, and nothing else, on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: Server,
}

/// Which Yonin to talk to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which Yonin")]
pub(crate) struct Server {
    /// Where its API is, `http://host:port` or `https://host`; the local `yonin up` when absent.
    #[arg(long, global = true, env = "YONIN_URL")]
    pub(crate) url: Option<String>,

    /// The API key; that of the local `yonin up` when absent.
    #[arg(long, global = true, env = "YONIN_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,

    /// Where a local `yonin up` keeps everything [default: ~/.local/state/yonin, for root /var/lib/yonin].
    #[arg(long, global = true, env = "YONIN_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything here: the four agents, the host, and a private Nginx, PHP-FPM, MariaDB and Redis.
    Up(Up),
    /// Watch the team work: start everything, submit a goal, show what comes of it, stop.
    Demo {
        /// What to build; a small blog when absent.
        goal: Option<String>,
        /// Leave it running until Ctrl-C.
        #[arg(long)]
        keep: bool,
    },
    /// Hand in a goal for an app.
    Submit(Submit),
    /// Follow a task until it ends.
    Watch {
        /// The task.
        id: TaskId,
    },
    /// List tasks, newest first.
    Tasks {
        /// Only this app's.
        #[arg(long)]
        app: Option<AppName>,
        /// Only those with this status.
        #[arg(long, value_enum)]
        status: Option<StatusName>,
        /// At most this many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
        /// Tasks before this place: `next_cursor` of the page before, as `--json` shows it.
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show a task, and what the Tester saw.
    Show {
        /// The task.
        id: TaskId,
    },
    /// Show what a task changes, as a unified diff.
    Diff {
        /// The task.
        id: TaskId,
    },
    /// End a task. One that is being released can't be ended any more.
    Cancel {
        /// The task.
        id: TaskId,
    },
    /// Let a change that waits for approval go live.
    Approve {
        /// The task.
        id: TaskId,
    },
    /// Answer a task that asks about its goal.
    Answer {
        /// The task.
        id: TaskId,
        /// The answer to all its questions, in words; `-` reads it from standard input.
        text: String,
    },
    /// Refuse a change that waits for approval, or give up a task that asks about its goal.
    Reject {
        /// The task.
        id: TaskId,
        /// Why, for those who read the task later.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Print everything that language models were told and answered in a task, as a tape that `replay` plays.
    Export {
        /// The task.
        id: TaskId,
    },
    /// Play a tape: start everything, carry its goal through with what was heard then, and compare what comes of it.
    Replay(Replay),
    /// List the apps.
    Apps,
    /// List an app's releases, newest first.
    Releases {
        /// The app.
        app: AppName,
    },
    /// Return an app to an earlier release.
    Rollback {
        /// The app.
        app: AppName,
        /// The release to return to; the one before the live one when absent.
        #[arg(long, value_name = "DIGEST")]
        to: Option<Digest>,
        /// Follow it until it ends.
        #[arg(long)]
        wait: bool,
    },
    /// Take over an app that exists elsewhere, as it is: its files, and a dump of its database.
    Import(Import),
    /// Make, list and revoke API keys. Needs an admin's key.
    Keys {
        #[command(subcommand)]
        what: Keys,
    },
    /// Print a script that completes commands in this shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a key, and print it: nobody can show it again.
    Create {
        /// Whom it is for. Tasks belong to the name.
        name: KeyName,
        /// What its holder may do: viewer, operator or admin.
        #[arg(long, default_value_t = Role::Operator)]
        role: Role,
        /// When it ends: `90d`, `12h`, `30m`; never when absent.
        #[arg(long, value_name = "TIME", value_parser = seconds)]
        expires: Option<u64>,
        /// One more key of a name that has one: to take its place, or with another role.
        #[arg(long)]
        another: bool,
    },
    /// List keys, without the keys themselves.
    List,
    /// Revoke a key by its id, or all keys of a name.
    Revoke {
        /// A key's id, or a name.
        name_or_id: String,
    },
}

/// How to run everything here.
#[derive(Debug, Clone, Args)]
pub(crate) struct Up {
    /// Where the agents keep their work: `mysql://user:password@host:port/schema`, or `sqlite:///DIR`; SQLite files in the data
    /// directory when absent.
    #[arg(long, value_name = "URL", env = "YONIN_STORE_URL")]
    pub(crate) store: Option<String>,
    /// A Redis for wake-up hints between processes; not needed for one process.
    #[arg(long, value_name = "URL", env = "YONIN_HINTS_URL")]
    pub(crate) redis: Option<String>,
    /// Apps answer at `<app>.<domain>`.
    #[arg(long, default_value = "localhost")]
    pub(crate) domain: String,
    /// The API's port; a free one when absent.
    #[arg(long, value_name = "PORT")]
    pub(crate) api_port: Option<u16>,
    /// Nginx's port; a free one when absent.
    #[arg(long, value_name = "PORT")]
    pub(crate) web_port: Option<u16>,
}

/// A goal, and what was agreed on it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Submit {
    /// What is wanted, in any language; `-` reads it from standard input.
    pub(crate) goal: String,
    /// The app it is for; an unknown one is created.
    #[arg(long)]
    pub(crate) app: AppName,
    /// Follow it until it ends.
    #[arg(long)]
    pub(crate) wait: bool,
    /// When a person is asked before it goes live.
    #[arg(long, value_enum, default_value_t = ApprovalName::Destructive)]
    pub(crate) approval: ApprovalName,
    /// The same key is the same task, however often it is sent.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Rounds of build and test, 1 to 10.
    #[arg(long, default_value_t = Budget::default().attempts)]
    pub(crate) attempts: u32,
    /// Tokens of language models it may use.
    #[arg(long, default_value_t = Budget::default().tokens)]
    pub(crate) tokens: u64,
    /// US dollars of language models it may use; needs prices (YONIN_MODEL_PRICES).
    #[arg(long = "cost", value_name = "USD")]
    pub(crate) cost_usd: Option<f64>,
    /// Seconds it may take, 10 to 86400.
    #[arg(long, default_value_t = Budget::default().seconds)]
    pub(crate) seconds: u64,
    /// Something to find it by; may be given more than once.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,
}

/// An app that exists elsewhere.
#[derive(Debug, Clone, Args)]
pub(crate) struct Import {
    /// Its directory: what becomes the release, with `public/index.php` in it. What is hidden, and symbolic links, are skipped.
    pub(crate) dir: PathBuf,
    /// The app's name; it may not have a live release.
    #[arg(long)]
    pub(crate) app: AppName,
    /// A dump of its one schema, as `mariadb-dump --hex-blob --skip-triggers SCHEMA` or mysqldump writes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) sql: Option<PathBuf>,
    /// The directory in it whose files come into `public/`, where it has another name; `.` for all of it.
    #[arg(long, value_name = "PATH")]
    pub(crate) document_root: Option<String>,
    /// A page that must answer, besides the first one; may be given more than once.
    #[arg(long = "page", value_name = "PATH")]
    pub(crate) pages: Vec<String>,
    /// Follow it until it ends.
    #[arg(long)]
    pub(crate) wait: bool,
    /// When a person is asked before it goes live. An import loses nothing, so only `always` asks.
    #[arg(long, value_enum, default_value_t = ApprovalName::Destructive)]
    pub(crate) approval: ApprovalName,
    /// The same key is the same task, however often it is sent.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

/// Which tape, and from where on something else is to think.
#[derive(Debug, Clone, Args)]
pub(crate) struct Replay {
    /// The tape, as `export` prints it; several of one app, in the order in which its tasks were submitted.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// From this stage on, ask a model instead of the tape.
    #[arg(long, value_enum, requires = "model")]
    pub(crate) from: Option<StageName>,
    /// That model, as `YONIN_MODEL` would name it.
    #[arg(long, requires = "from")]
    pub(crate) model: Option<String>,
}

/// A stage in which somebody thinks, as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum StageName {
    /// The Planner and everybody after it.
    Plan,
    /// The Architect and everybody after it.
    Design,
    /// The Coder and the Tester.
    Build,
    /// The Tester.
    Verify,
}

/// [`Approval`] as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApprovalName {
    /// For changes that can lose data.
    Destructive,
    /// For every change.
    Always,
    /// Never; changes that can lose data fail.
    Auto,
}

impl From<ApprovalName> for Approval {
    fn from(name: ApprovalName) -> Self {
        match name {
            ApprovalName::Destructive => Self::Destructive,
            ApprovalName::Always => Self::Always,
            ApprovalName::Auto => Self::Auto,
        }
    }
}

/// [`Status`] as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusName {
    Queued,
    Running,
    Waiting,
    Succeeded,
    Failed,
    Cancelled,
}

impl From<StatusName> for Status {
    fn from(name: StatusName) -> Self {
        match name {
            StatusName::Queued => Self::Queued,
            StatusName::Running => Self::Running,
            StatusName::Waiting => Self::Waiting,
            StatusName::Succeeded => Self::Succeeded,
            StatusName::Failed => Self::Failed,
            StatusName::Cancelled => Self::Cancelled,
        }
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a label is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A time as seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let expected = || "a time is a whole number and s, m, h, d or w: 90d".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(expected)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(expected()),
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_make_sense() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_key_ends_after_a_time_with_a_unit() {
        let parsed =
            Arguments::try_parse_from(["yonin", "keys", "create", "mei", "--role", "viewer", "--expires", "90d"]);
        let Command::Keys { what: Keys::Create { role, expires, another, .. } } = parsed.expect("arguments").command
        else {
            panic!("a key is made");
        };
        assert_eq!((role, expires, another), (Role::Viewer, Some(90 * 86_400), false));
        assert_eq!((seconds("2w"), seconds("30m")), (Ok(1_209_600), Ok(1_800)));
        for bad in ["", "d", "90", "-1d", "1.5d", "90日", "99999999999999999999d", "18446744073709551615w"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
        assert!(Arguments::try_parse_from(["yonin", "keys", "create", "mei", "--role", "boss"]).is_err());
        assert!(Arguments::try_parse_from(["yonin", "keys", "create", "no name"]).is_err());
    }

    #[test]
    fn a_goal_may_start_with_anything_but_needs_an_app() {
        let parsed = Arguments::try_parse_from(["yonin", "submit", "掲示板を作って。", "--app", "board", "--json"]);
        assert!(
            matches!(parsed.expect("arguments").command, Command::Submit(submit) if submit.app.as_str() == "board")
        );
        assert!(Arguments::try_parse_from(["yonin", "submit", "a goal"]).is_err());
        assert!(Arguments::try_parse_from(["yonin", "replay", "tape.json", "--from", "build"]).is_err(), "with what?");
        assert!(Arguments::try_parse_from(["yonin", "submit", "a goal", "--app", "Not_A_Name"]).is_err());
    }
}
