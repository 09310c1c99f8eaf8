use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

/// Writes a file so that a reader, and a machine that loses power, sees all of it or nothing.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    // A dot in front: whoever lists the directory knows that this is nobody's file yet.
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    let partial = path.with_file_name(format!(".{name}.{}", fresh()));
    let written = write_through(&partial, bytes, mode).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // What is left of it is of no use; that it may not be there is the rule.
        let _ = fs::remove_file(&partial);
    }
    written?;
    sync_directory(path.parent().unwrap_or(path))
}

/// Points a symlink at `target`, atomically, whether or not it existed.
pub(crate) fn link(link: &Path, target: &Path) -> io::Result<()> {
    let partial = link.with_file_name(format!(".link.{}", fresh()));
    std::os::unix::fs::symlink(target, &partial)?;
    fs::rename(&partial, link).inspect_err(|_| {
        let _ = fs::remove_file(&partial);
    })?;
    sync_directory(link.parent().unwrap_or(link))
}

/// Makes a directory that outlives a loss of power. One that is there is left as it is.
pub(crate) fn directory(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.and_then(|()| sync_directory(path.parent().unwrap_or(path))),
    }
}

/// Removes the files that writes which were cut off left in a directory. Nobody may write there meanwhile.
pub(crate) fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") && !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Removes a directory with all that is in it, the parts that nobody may write to included.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            unlock(path)?;
            fs::remove_dir_all(path)
        }
        removed => removed,
    }
}

fn unlock(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            unlock(&entry.path())?;
        }
    }
    Ok(())
}

/// Makes what was renamed in a directory last.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// A word that no other call uses.
pub(crate) fn fresh() -> String {
    hex::encode(rand::random::<[u8; 8]>())
}

fn write_through(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    // The mode at creation is cut by the process's mask.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()
}
