use std::{fmt, fs};

/// What a run's figures depend on most: the processor, and how busy it was before the run began.
#[derive(Debug)]
pub struct Machine {
    processor: String,
    cores: usize,
    load: String,
}

impl Machine {
    /// This one, now.
    #[must_use]
    pub fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let info = read("/proc/cpuinfo");
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Self {
            processor: model.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.trim().to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load: read("/proc/loadavg").split(' ').next().unwrap_or("?").to_owned(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} cores; load {} before the run", self.processor, self.cores, self.load)
    }
}
