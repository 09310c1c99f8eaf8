use super::{
    LocalError, directory,
    fpm::Pool,
    process::{Daemon, Launch, Owner, Spawner, may_switch},
    programs::Php,
    write,
};
use crate::host::pools::{PoolSpec, SOCKET, STAMP};
use nix::sys::{
    inotify::{AddWatchFlags, InitFlags, Inotify},
    signal::Signal,
};
use protocol::Digest;
use std::{
    collections::HashMap,
    fs, io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{io::unix::AsyncFd, process::Command, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Runs the PHP pools that the host asks for: a file in `specs`, a master with a socket in `sockets`. It is what needs root
/// where pools have users of their own, and it stands beside Nginx, apart from the host.
#[derive(Debug)]
pub struct PoolSupervisor {
    // Dropped, it ends the pools.
    stop: DropGuard,
    task: JoinHandle<()>,
}

/// Written anew each time the supervisor has looked after the pools, beside their directories.
const ALIVE: &str = ".alive";

/// A supervisor that has not looked for so long is stuck: it looks every two seconds.
const SILENCE: Duration = Duration::from_secs(30);

/// What all pools share.
struct Ground {
    specs: PathBuf,
    sockets: PathBuf,
    php: Php,
    extensions: PathBuf,
    spawner: Spawner,
}

/// A pool that is wanted, and the task that keeps it up.
struct Kept {
    digest: Digest,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl PoolSupervisor {
    /// Starts the pools that are asked for, and watches for more.
    ///
    /// # Errors
    /// PHP is not installed, or the directories are not there.
    pub async fn start(specs: &Path, sockets: &Path) -> Result<Self, LocalError> {
        Self::start_with(specs, sockets, Spawner::new()?).await
    }

    pub(super) async fn start_with(specs: &Path, sockets: &Path, spawner: Spawner) -> Result<Self, LocalError> {
        let php = Php::find()?;
        let extensions = extension_directory(&php).await?;
        let changes = watch(specs).map_err(LocalError::file("cannot watch", specs))?;
        let ground = Ground { specs: specs.to_owned(), sockets: sockets.to_owned(), php, extensions, spawner };
        let stop = CancellationToken::new();
        let task = tokio::spawn(supervise(Arc::new(ground), changes, stop.clone()));
        Ok(Self { stop: stop.drop_guard(), task })
    }

    /// Whether a supervisor, of whichever process, has looked after the pools with these sockets a moment ago.
    ///
    /// # Errors
    /// It has not, or never was there.
    pub fn is_alive(sockets: &Path) -> io::Result<()> {
        let looked = fs::metadata(sockets.join(ALIVE))?.modified()?;
        match looked.elapsed() {
            Ok(ago) if ago > SILENCE => Err(io::Error::other(format!("the last time was {} s ago", ago.as_secs()))),
            // A clock that was set back says nothing.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Ends every pool: requests under way have ten seconds.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(error = %error, "The supervisor of the PHP pools broke off");
        }
    }
}

async fn supervise(ground: Arc<Ground>, changes: AsyncFd<OwnedFd>, stop: CancellationToken) {
    let mut pools = HashMap::new();
    while !stop.is_cancelled() {
        match wanted(&ground.specs) {
            Ok(wanted) => follow(&ground, &mut pools, wanted),
            Err(error) => tracing::error!(error = %error, "The list of PHP pools cannot be read"),
        }
        if let Err(error) = fs::write(ground.sockets.join(ALIVE), "") {
            tracing::error!(error = %error, "It cannot be written down that the PHP pools are looked after");
        }
        tokio::select! {
            () = changed(&changes) => {}
            // A file system that tells of no changes, as one shared over a network.
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            () = stop.cancelled() => {}
        }
    }
    pools.values().for_each(|kept: &Kept| kept.stop.cancel());
    for (_, kept) in pools {
        // A pool's task ends by itself; that it broke off was logged by the runtime.
        let _ = kept.task.await;
    }
}

/// Ends the pools that nobody wants any more, starts new ones, and starts those again that changed.
fn follow(ground: &Arc<Ground>, pools: &mut HashMap<String, Kept>, mut wanted: HashMap<String, (PoolSpec, Digest)>) {
    pools.retain(|name, kept| {
        let same = wanted.get(name).is_some_and(|(_, digest)| *digest == kept.digest);
        let renewed = wanted.contains_key(name);
        if !same {
            kept.stop.cancel();
        } else {
            wanted.remove(name);
        }
        // A pool that is renewed stays in the list until its successor, which waits for it, takes its place below; one that
        // ends stays until it has ended, since it may be wanted again before.
        same || renewed || !kept.task.is_finished()
    });
    for (name, (spec, digest)) in wanted {
        let stop = CancellationToken::new();
        let before = pools.remove(&name).map(|kept| kept.task);
        let task = tokio::spawn(keep(Arc::clone(ground), spec, digest, before, stop.clone()));
        pools.insert(name, Kept { digest, stop, task });
    }
}

/// Keeps one pool up until it is told to stop.
async fn keep(
    ground: Arc<Ground>,
    spec: PoolSpec,
    digest: Digest,
    before: Option<JoinHandle<()>>,
    stop: CancellationToken,
) {
    if let Some(before) = before {
        let _ = before.await;
    }
    let run = ground.sockets.join(&spec.name);
    let mut pause = Duration::from_millis(100);
    while !stop.is_cancelled() {
        match launch(&ground, &spec, digest, &run).await {
            Ok(mut daemon) => {
                tokio::select! {
                    () = stop.cancelled() => {
                        daemon.stop(Signal::SIGQUIT, Duration::from_secs(12)).await;
                        break;
                    }
                    () = daemon.ended() => tracing::error!(pool.name = spec.name, "A PHP pool ended; it starts again"),
                }
            }
            Err(error) => tracing::error!(pool.name = spec.name, error = %error, "A PHP pool does not start"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(Duration::from_secs(5)),
        }
    }
    if let Err(error) = fs::remove_dir_all(&run)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::error!(pool.name = spec.name, error = %error, "The directory of a PHP pool stays behind");
    }
}

async fn launch(ground: &Ground, spec: &PoolSpec, digest: Digest, run: &Path) -> Result<Daemon, LocalError> {
    let owner = may_switch().then_some(Owner { uid: spec.uid, gid: spec.uid });
    // Anybody may pass, so that Nginx and the host reach the socket, but nobody can list.
    directory(run, owner, 0o711)?;
    // Left by a master that was killed; PHP would take it over, but whoever connects until then gets refused rather than lost.
    let _ = fs::remove_file(run.join(SOCKET));
    let pool = Pool { spec, run, extensions: &ground.extensions };
    let (ini, conf) = (run.join("php.ini"), run.join("fpm.conf"));
    write(&ini, pool.php_ini().as_bytes(), None, 0o644)?;
    write(&conf, pool.fpm_conf().as_bytes(), None, 0o644)?;
    write(&run.join(STAMP), digest.hex().as_bytes(), None, 0o644)?;
    let launch = Launch {
        name: "php-fpm",
        program: &ground.php.fpm,
        args: vec!["-F".into(), "-c".into(), ini.into(), "-y".into(), conf.into()],
        env: vec![("PHP_INI_SCAN_DIR", "".into())],
        owner,
        on_death: Signal::SIGTERM,
        log: run.join("start.log"),
    };
    let daemon = ground.spawner.start(launch).await?;
    let socket = run.join(SOCKET);
    let answers = async || tokio::net::UnixStream::connect(&socket).await.is_ok();
    daemon.ready(Duration::from_secs(10), answers).await
}

/// What is asked for now, with the address of each file. A file that cannot be understood is left out, and told of.
fn wanted(specs: &Path) -> io::Result<HashMap<String, (PoolSpec, Digest)>> {
    let mut wanted = HashMap::new();
    for entry in fs::read_dir(specs)? {
        let name = entry?.file_name();
        let Some(stem) =
            name.to_str().filter(|name| !name.starts_with('.')).and_then(|name| name.strip_suffix(".json"))
        else {
            continue;
        };
        let bytes = match fs::read(specs.join(&name)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        match serde_json::from_slice::<PoolSpec>(&bytes) {
            Ok(spec) if spec.name == stem => {
                wanted.insert(stem.to_owned(), (spec, Digest::of_bytes(&bytes)));
            }
            Ok(_) | Err(_) => {
                tracing::error!(pool.name = stem, "A PHP pool is asked for in words that are not the host's")
            }
        }
    }
    Ok(wanted)
}

/// Tells of files that come and go in a directory.
#[expect(
    deprecated,
    reason = "its successor is unsafe, which this tree forbids; the descriptor is owned by what watches it"
)]
fn watch(directory: &Path) -> io::Result<AsyncFd<OwnedFd>> {
    let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
    inotify.add_watch(directory, AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_DELETE)?;
    AsyncFd::new(OwnedFd::from(inotify))
}

async fn changed(changes: &AsyncFd<OwnedFd>) {
    let mut buffer = [0; 4096];
    if let Ok(mut ready) = changes.readable().await {
        // What changed does not matter: the directory is read again as a whole.
        while nix::unistd::read(changes, &mut buffer).is_ok_and(|read| read > 0) {}
        ready.clear_ready();
    }
}

async fn extension_directory(php: &Php) -> Result<PathBuf, LocalError> {
    let output = Command::new(&php.cli).args(["-n", "-r", "echo PHP_EXTENSION_DIR;"]).output().await;
    let output = output.map_err(|source| LocalError::Spawn { program: php.cli.display().to_string(), source })?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn a_supervisor_that_does_not_look_any_more_is_not_alive() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(PoolSupervisor::is_alive(dir.path()).is_err(), "none was ever there");
        let file = fs::File::create(dir.path().join(ALIVE)).expect("it can be written");
        assert!(PoolSupervisor::is_alive(dir.path()).is_ok());
        file.set_modified(SystemTime::now() - SILENCE - Duration::from_secs(1)).expect("it is ours");
        assert!(PoolSupervisor::is_alive(dir.path()).is_err());
        // As the supervisor does when it has looked.
        fs::write(dir.path().join(ALIVE), "").expect("it can be written");
        assert!(PoolSupervisor::is_alive(dir.path()).is_ok());
    }
}
