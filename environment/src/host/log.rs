//! What PHP wrote into a place's log.

use super::{Host, HostError, environment::on_files};
use protocol::{
    Problem,
    tools::host::{TailLogInput, TailLogOutput},
};
use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

/// One answer holds at most so many bytes, and lines.
const MOST_BYTES: u64 = 256 * 1024;
const MOST_LINES: usize = 1_000;

impl Host {
    /// The log from a place on, in whole lines.
    ///
    /// # Errors
    /// [`protocol::Code::NotFound`], [`protocol::Code::PreviewGone`].
    pub async fn tail_log(&self, input: TailLogInput) -> Result<TailLogOutput, Problem> {
        let log = self.0.home_of(&input.place)?.php_log();
        let read = on_files(move || tail(&log, input.from).map_err(HostError::file("cannot read", &log)));
        Ok(read.await?)
    }
}

fn tail(log: &Path, from: Option<u64>) -> io::Result<TailLogOutput> {
    let mut file = match File::open(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(TailLogOutput { lines: vec![], end: 0 }),
        file => file?,
    };
    let length = file.metadata()?.len();
    let Some(from) = from else { return Ok(TailLogOutput { lines: vec![], end: length }) };
    // A log that is shorter than it was has been begun anew.
    let from = if from > length { 0 } else { from };
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    let mut end = from;
    let mut lines = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n').take(MOST_LINES) {
        let whole = line.ends_with(b"\n") || bytes.len() as u64 == MOST_BYTES && lines.is_empty();
        if !whole {
            break;
        }
        end += line.len() as u64;
        lines.push(String::from_utf8_lossy(line).trim_end().to_owned());
    }
    Ok(TailLogOutput { lines, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = dir.path().join("php.log");
        assert_eq!(tail(&log, Some(0)).expect("empty").end, 0);
        std::fs::write(&log, "one\ntwo\nthr").expect("written");
        assert_eq!(tail(&log, None).expect("the end").end, 11);
        let first = tail(&log, Some(0)).expect("read");
        assert_eq!((first.lines, first.end), (vec!["one".to_owned(), "two".to_owned()], 8));
        std::fs::write(&log, "one\ntwo\nthree\n").expect("written");
        assert_eq!(tail(&log, Some(8)).expect("read").lines, ["three"]);
        assert_eq!(tail(&log, Some(99)).expect("begun anew").lines.len(), 3);
    }
}
