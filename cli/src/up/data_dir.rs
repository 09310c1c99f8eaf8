use crate::Failure;
use protocol::Code;
use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// The directory that one `yonin up` keeps everything in. Locked while this lives, so that no two share it.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// One that was killed a moment ago still holds the lock for as long as the kernel takes to clear it away.
    const PATIENCE: Duration = Duration::from_secs(2);

    /// Makes the directory if it is not there, and takes it.
    pub(crate) async fn take(path: &Path) -> Result<Self, Failure> {
        let (path, lock) = Self::make(path).map_err(|error| {
            let detail = format!("cannot use the data directory {}: {error}", path.display());
            Code::BadConfiguration.problem(detail)
        })?;
        let deadline = Instant::now() + Self::PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { path, _lock: lock }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(Duration::from_millis(20)).await,
                Err(TryLockError::WouldBlock) => {
                    let detail = format!("another `yonin up` uses {}: stop it, or give --data-dir", path.display());
                    return Err(Code::BadConfiguration.problem(detail).into());
                }
                Err(TryLockError::Error(error)) => return Err(Failure::io("cannot lock the data directory")(error)),
            }
        }
    }

    fn make(path: &Path) -> io::Result<(PathBuf, File)> {
        // The servers run as users of their own and must pass through; what is secret has modes of its own.
        DirBuilder::new().recursive(true).mode(0o755).create(path)?;
        let path = fs::canonicalize(path)?;
        let lock = File::create(path.join("lock"))?;
        Ok((path, lock))
    }

    /// Where it is, without symbolic links.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_data_directory_has_one_owner() {
        let parent = tempfile::tempdir().expect("a directory");
        let path = parent.path().join("not/there/yet");
        let first = DataDir::take(&path).await.expect("taken");
        assert!(
            matches!(DataDir::take(&path).await, Err(Failure::Problem(problem)) if problem.code == Code::BadConfiguration)
        );
        drop(first);
        DataDir::take(&path).await.expect("free again");
    }
}
