use super::{
    Durability, LocalError, ports,
    process::{Daemon, Launch, Owner, Spawner},
    programs::Programs,
    secrets::Secrets,
    write,
};
use nix::sys::signal::Signal;
use std::{ffi::OsString, fs, path::Path, time::Duration};

/// The host's account.
pub(crate) const ADMIN: &str = "yonin_host";
/// The account that reads everything.
pub(crate) const READER: &str = "yonin_reader";

/// Starts MariaDB on `dir` (made if it is new) and `port`, and waits until it answers.
pub(crate) async fn start(
    spawner: &Spawner,
    programs: &Programs,
    dir: &Path,
    port: u16,
    secrets: &Secrets,
    durability: Durability,
) -> Result<Daemon, LocalError> {
    let owner = Owner::named("mysql");
    super::directory(dir, owner, 0o700)?;
    super::directory(&dir.join("files"), owner, 0o500)?;
    install(spawner, programs, dir, owner).await?;
    let accounts = dir.join("accounts.sql");
    write(&accounts, accounts_sql(secrets).as_bytes(), owner, 0o600)?;
    let launch = Launch {
        name: "mariadb",
        program: &programs.mariadbd,
        args: arguments(dir, port, &accounts, durability),
        env: Vec::new(),
        owner,
        // Asked to end while it starts, it would hang; and it is made to survive being killed.
        on_death: Signal::SIGKILL,
        log: dir.join("mariadb.log"),
    };
    let daemon = spawner.start(launch).await?;
    daemon.ready(Duration::from_secs(60), || ports::greets(port)).await
}

/// Makes the system tables, unless they are there. Made beside and renamed, so that a start that was cut off leaves no half.
async fn install(spawner: &Spawner, programs: &Programs, dir: &Path, owner: Option<Owner>) -> Result<(), LocalError> {
    let (data, partial) = (dir.join("data"), dir.join("data.partial"));
    if data.exists() {
        return Ok(());
    }
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(LocalError::file("cannot remove", &partial))?;
    }
    super::directory(&partial, owner, 0o700)?;
    let mut args = vec!["--no-defaults".into(), option("--datadir", &partial), option("--tmpdir", dir)];
    args.extend(
        ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"].map(OsString::from),
    );
    // Nothing is worth saving until the whole is renamed.
    let fast = ["--innodb-flush-log-at-trx-commit=0", "--innodb-log-file-size=16M", "--skip-innodb-doublewrite"];
    args.extend(fast.map(OsString::from));
    let launch = Launch {
        name: "mariadb-install-db",
        program: &programs.mariadb_install_db,
        args,
        env: Vec::new(),
        owner,
        on_death: Signal::SIGKILL,
        log: dir.join("install.log"),
    };
    spawner.start(launch).await?.finished().await?;
    fs::rename(&partial, &data).map_err(LocalError::file("cannot rename", &partial))
}

fn arguments(dir: &Path, port: u16, accounts: &Path, durability: Durability) -> Vec<OsString> {
    let mut args = vec![
        "--no-defaults".into(),
        option("--datadir", &dir.join("data")),
        option("--tmpdir", dir),
        option("--pid-file", &dir.join("mariadb.pid")),
        option("--init-file", accounts),
        // Nobody reads or writes files through SQL; the server refuses a directory that is not there.
        option("--secure-file-priv", &dir.join("files")),
        format!("--port={port}").into(),
    ];
    let fixed = [
        // Clients come over TCP; a socket's path could be too long for the kernel.
        "--socket=",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        "--skip-log-bin",
        "--local-infile=0",
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_unicode_ci",
        "--max-connections=300",
        "--innodb-buffer-pool-size=64M",
        "--innodb-log-file-size=16M",
        "--innodb-buffer-pool-dump-at-shutdown=0",
        "--innodb-buffer-pool-load-at-startup=0",
        "--innodb-fast-shutdown=1",
        "--key-buffer-size=1M",
        "--performance-schema=0",
    ];
    args.extend(fixed.map(OsString::from));
    if durability == Durability::Fast {
        let fast = ["--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite", "--sync-frm=0"];
        args.extend(fast.map(OsString::from));
    }
    args
}

/// Run at every start, before anybody can connect. The installation leaves a root without a password for each way in
/// (`localhost`, `127.0.0.1`, the machine's name), and untrusted PHP can connect: none of them stays, nor anybody nameless.
fn accounts_sql(secrets: &Secrets) -> String {
    let account = |user: &str, password: &str, rights: &str| {
        format!(
            "create user if not exists '{user}'@'%' identified by '{password}';\n\
             alter user '{user}'@'%' identified by '{password}';\n\
             grant {rights};\n"
        )
    };
    let admin = account(ADMIN, &secrets.admin, &format!("all privileges on *.* to '{ADMIN}'@'%' with grant option"));
    let reader = account(
        READER,
        &secrets.reader,
        &format!("select, show view, process, show databases on *.* to '{READER}'@'%'"),
    );
    // Their hosts differ from machine to machine, which no `drop user` can say.
    format!("delete from mysql.global_priv where user in ('root', '');\nflush privileges;\n{admin}{reader}")
}

fn option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push("=");
    option.push(path);
    option
}
