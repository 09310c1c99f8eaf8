//! What really happened, seen at the environment's servers and in its directories.

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};
use tests::Cluster;

/// Watches the environment from outside.
pub(crate) struct Target {
    mysql: String,
    redis: String,
    dir: PathBuf,
    seen: Arc<Mutex<Seen>>,
}

/// What the file system told.
#[derive(Default)]
struct Seen {
    /// The releases that were live, one after the other, of each app; `None` for no release.
    live: BTreeMap<String, Vec<Option<String>>>,
    /// The previews that were made.
    previews: Vec<String>,
}

impl Target {
    /// Begins to watch. From here on MariaDB writes down every statement that it is sent.
    pub(crate) fn watch(cluster: &Cluster) -> Self {
        let (dir, seen) = (cluster.environment_dir(), Arc::<Mutex<Seen>>::default());
        let watcher = Watcher::new(dir.clone(), Arc::clone(&seen));
        std::thread::spawn(move || watcher.run());
        let environment = cluster.environment();
        let target = Self { mysql: environment.mysql_admin(), redis: environment.redis_admin(), dir, seen };
        target.rows("set global log_output = 'TABLE'; set global general_log = 1");
        target
    }

    /// The releases that were live since the first look, in their order.
    pub(crate) fn live(&self, app: &str) -> Vec<Option<String>> {
        self.seen.lock().expect("no panic").live.get(app).cloned().unwrap_or_default()
    }

    /// How many previews were made so far.
    pub(crate) fn previews_made(&self) -> usize {
        self.seen.lock().expect("no panic").previews.len()
    }

    /// Directories of releases of an app.
    pub(crate) fn releases(&self, app: &str) -> usize {
        let entries = fs::read_dir(self.dir.join("apps").join(app).join("releases")).expect("the app's releases");
        entries.flatten().filter(|entry| entry.path().is_dir()).count()
    }

    /// Every statement that made or changed a table of the app's schema, each with how often it was sent: all but the host's own
    /// bookkeeping, whose tables begin with `_yonin_`.
    pub(crate) fn statements(&self, app: &str) -> BTreeMap<String, usize> {
        let sql = format!(
            "select replace(replace(q.argument, '\\n', ' '), '\\t', ' ') from mysql.general_log q \
             where q.command_type = 'Query' and (q.argument like 'create table %' or q.argument like 'alter table %') \
             and q.argument not like '%\\_yonin\\_%' and exists (select 1 from mysql.general_log c \
             where c.thread_id = q.thread_id and c.command_type = 'Connect' and c.argument like '% on app\\_{app} %')"
        );
        let mut counted = BTreeMap::new();
        for statement in self.rows(&sql) {
            *counted.entry(statement).or_default() += 1;
        }
        counted
    }

    /// Ids of the connections that change a schema, whatever they are doing.
    pub(crate) fn migrating(&self) -> Vec<String> {
        self.rows("select id from information_schema.processlist where user like 'mg\\_%' order by id")
    }

    /// Ids of those that wait for a lock.
    pub(crate) fn waiting_for_a_lock(&self) -> Vec<String> {
        self.rows(
            "select id from information_schema.processlist where user like 'mg\\_%' \
             and state = 'Waiting for table metadata lock'",
        )
    }

    /// Keeps everybody from changing a table of an app, until it is dropped.
    pub(crate) fn lock(&self, app: &str, table: &str) -> Lock {
        let sql = format!("lock tables `app_{app}`.`{table}` read; select 'locked'; do sleep(600)");
        let mut client = self.client(&sql);
        let mut child = client.stdout(Stdio::piped()).arg("--unbuffered").spawn().expect("the client is installed");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("text");
        assert_eq!(line, "locked\n");
        Lock(child)
    }

    /// The tables of an app's schema, without the host's own.
    pub(crate) fn tables(&self, app: &str) -> Vec<String> {
        self.rows(&format!(
            "select table_name from information_schema.tables where table_schema = 'app_{app}' \
             and table_name not like '\\_yonin\\_%' order by 1"
        ))
    }

    /// The rows of a table of an app.
    pub(crate) fn count(&self, app: &str, table: &str) -> String {
        self.rows(&format!("select count(*) from `app_{app}`.`{table}`")).join("")
    }

    /// Whatever there is of any preview, and accounts that migrate: nothing, when no task is under way. What it is comes first.
    pub(crate) fn left_over(&self) -> Vec<String> {
        let mut left = self.rows(
            "select concat('schema ', schema_name) from information_schema.schemata where schema_name like 'pv\\_%'; \
             select concat('account ', user) from mysql.user where user regexp '^(pv|pvr|mg)_'",
        );
        let users = self.redis(&["acl", "users"]).into_iter().filter(|user| user.starts_with("pv"));
        left.extend(users.map(|user| format!("user {user}")));
        left.extend(self.redis(&["--scan", "--pattern", "pv:*"]).into_iter().map(|key| format!("key {key}")));
        for (dir, prefix) in [("previews", ""), ("pools", "pv-"), ("run", "pv-")] {
            let found = names(&self.dir.join(dir)).filter(|name| name.starts_with(prefix));
            left.extend(found.map(|name| format!("{dir} {name}")));
        }
        left
    }

    /// What a query answers, a line for each row.
    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        lines(self.client(sql))
    }

    fn client(&self, sql: &str) -> Command {
        let rest = self.mysql.strip_prefix("mysql://").expect("a URL");
        let (account, address) = rest.trim_end_matches('/').split_once('@').expect("an account");
        let ((user, password), (host, port)) =
            (account.split_once(':').expect("a password"), address.split_once(':').expect("a port"));
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "--skip-ssl", "--batch", "--skip-column-names", "--user", user]);
        client.args(["--host", host, "--port", port, "--execute", sql]).env("MYSQL_PWD", password);
        client
    }

    fn redis(&self, arguments: &[&str]) -> Vec<String> {
        let mut client = Command::new("redis-cli");
        client.args(["--no-auth-warning", "-u", &self.redis]).args(arguments);
        lines(client)
    }
}

/// A lock, as long as it lives.
pub(crate) struct Lock(Child);

impl Drop for Lock {
    fn drop(&mut self) {
        // The server lets go of the lock when the connection ends.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn lines(mut client: Command) -> Vec<String> {
    let output = client.output().expect("the server's own client is installed");
    assert!(output.status.success(), "{client:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn names(dir: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
}

/// Follows the symlinks that say which release is live.
struct Watcher {
    inotify: Inotify,
    dir: PathBuf,
    apps: WatchDescriptor,
    previews: WatchDescriptor,
    watched: HashMap<WatchDescriptor, String>,
    seen: Arc<Mutex<Seen>>,
}

impl Watcher {
    fn new(dir: PathBuf, seen: Arc<Mutex<Seen>>) -> Self {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC).expect("inotify");
        let add =
            |name: &str| inotify.add_watch(&dir.join(name), AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO);
        let (apps, previews) = (add("apps").expect("apps"), add("previews").expect("previews"));
        Self { inotify, dir, apps, previews, watched: HashMap::new(), seen }
    }

    /// Ends with the process.
    fn run(mut self) {
        while let Ok(events) = self.inotify.read_events() {
            for event in events {
                let Some(name) = event.name.and_then(|name| name.into_string().ok()) else { continue };
                if event.wd == self.apps {
                    self.follow(name);
                } else if event.wd == self.previews {
                    let mut seen = self.seen.lock().expect("no panic");
                    if !name.starts_with('.') && !seen.previews.contains(&name) {
                        seen.previews.push(name);
                    }
                } else if name == "current"
                    && let Some(app) = self.watched.get(&event.wd).cloned()
                {
                    self.look(&app);
                }
            }
        }
    }

    fn follow(&mut self, app: String) {
        let what = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_DELETE;
        if let Ok(watch) = self.inotify.add_watch(&self.dir.join("apps").join(&app), what) {
            self.watched.insert(watch, app.clone());
            self.look(&app);
        }
    }

    fn look(&self, app: &str) {
        let link = fs::read_link(self.dir.join("apps").join(app).join("current")).ok();
        let live = link.and_then(|link| Some(link.file_name()?.to_str()?.to_owned()));
        let mut seen = self.seen.lock().expect("no panic");
        let history = seen.live.entry(app.to_owned()).or_default();
        if history.last() != Some(&live) {
            history.push(live);
        }
    }
}
