use std::{
    fmt::Display,
    io::{self, Write},
};

/// Writes to standard output. A reader that has seen enough (`yonin tasks | head -1`) is no error.
///
/// # Errors
/// Standard output can't be written.
pub(crate) fn out(text: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
