use super::LocalError;
use std::path::PathBuf;

/// Where the servers' programs are. Debian keeps some of them out of an ordinary user's path.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) mariadbd: PathBuf,
    pub(crate) mariadb_install_db: PathBuf,
    pub(crate) redis: PathBuf,
    pub(crate) nginx: PathBuf,
}

impl Programs {
    /// Looks for all of them.
    pub(crate) fn find() -> Result<Self, LocalError> {
        Ok(Self {
            mariadbd: find("mariadbd", "mariadb-server")?,
            mariadb_install_db: find("mariadb-install-db", "mariadb-server")?,
            redis: find("redis-server", "redis-server")?,
            nginx: find("nginx", "nginx-light")?,
        })
    }
}

/// PHP's programs.
#[derive(Debug, Clone)]
pub(crate) struct Php {
    pub(crate) fpm: PathBuf,
    pub(crate) cli: PathBuf,
}

impl Php {
    /// Looks for them; the newest FPM of those installed side by side.
    pub(crate) fn find() -> Result<Self, LocalError> {
        let names = ["php-fpm8.4", "php-fpm8.3", "php-fpm8.2", "php-fpm8.1", "php-fpm"];
        let fpm = names.iter().find_map(|name| lookup(name));
        let fpm = fpm.ok_or(LocalError::Missing { program: "php-fpm", package: "php-fpm" })?;
        // The command line's version must be that of FPM, since they share the extensions' directory.
        let version = fpm.to_string_lossy().rsplit_once("php-fpm").map(|(_, version)| version.to_owned());
        let cli = version.and_then(|version| lookup(&format!("php{version}"))).or_else(|| lookup("php"));
        Ok(Self { fpm, cli: cli.ok_or(LocalError::Missing { program: "php", package: "php-cli" })? })
    }
}

/// Starts a program as another user, and ends it when its parent ends.
pub(crate) fn setpriv() -> Result<PathBuf, LocalError> {
    find("setpriv", "util-linux")
}

fn find(program: &'static str, package: &'static str) -> Result<PathBuf, LocalError> {
    lookup(program).ok_or(LocalError::Missing { program, package })
}

fn lookup(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(usual).map(|dir| dir.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_installed_is_named_with_its_package() {
        let missing = find("no-such-program", "its-package").expect_err("there is no such program");
        assert!(matches!(missing, LocalError::Missing { program: "no-such-program", package: "its-package" }));
        assert!(missing.to_string().contains("apt-get install its-package"), "{missing}");
    }
}
