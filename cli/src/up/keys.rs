use crate::{Failure, connection::write_private};
use runtime::{Callers, Credential, Principal};
use serde::{Deserialize, Serialize};
use std::{fs, io, path::Path};

/// The keys of one installation: that of its owner, what the Tester's signing key grows from, and the credentials that the services
/// show to each other. The first two are made at the first start and kept in the data directory, where only its owner can read them; the
/// last are made anew at each start, since nobody but this process needs them.
pub(crate) struct Keys {
    kept: Kept,
    services: [Credential; 4],
}

#[derive(Serialize, Deserialize)]
struct Kept {
    api: String,
    signing_seed: [u8; 32],
}

impl Keys {
    /// Those of this file; fresh ones, and `true`, when there is none.
    pub(crate) fn load_or_make(file: &Path) -> Result<(Self, bool), Failure> {
        let (kept, fresh) = Kept::load_or_make(file)?;
        Ok((Self { kept, services: std::array::from_fn(|_| Credential::random()) }, fresh))
    }

    /// What people show to the Planner.
    pub(crate) fn api(&self) -> &str {
        &self.kept.api
    }

    /// What a service shows to the others.
    pub(crate) fn of(&self, service: ServiceName) -> Credential {
        let [planner, architect, coder, tester] = &self.services;
        match service {
            ServiceName::Planner => planner,
            ServiceName::Architect => architect,
            ServiceName::Coder => coder,
            ServiceName::Tester => tester,
        }
        .clone()
    }

    /// These services, as callers of another.
    pub(crate) fn callers<const N: usize>(&self, services: [ServiceName; N]) -> Callers {
        let add = |callers: Callers, service: ServiceName| {
            callers.and(&self.of(service), Principal::service(service.as_str()))
        };
        services.into_iter().fold(Callers::nobody(), add)
    }

    /// What the Tester's signing key grows from.
    pub(crate) fn signing_seed(&self) -> &[u8; 32] {
        &self.kept.signing_seed
    }
}

impl Kept {
    fn load_or_make(file: &Path) -> Result<(Self, bool), Failure> {
        let kept = match fs::read(file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::io(format!("cannot read {}", file.display()))(error)),
        };
        if let Some(text) = kept {
            let keys = serde_json::from_slice(&text).map_err(io::Error::from);
            return Ok((keys.map_err(Failure::io(format!("cannot read {}", file.display())))?, false));
        }
        let keys = Self { api: Credential::random().reveal().to_owned(), signing_seed: rand::random() };
        let text = serde_json::to_vec(&keys).map_err(io::Error::from)?;
        write_private(file, &text).map_err(Failure::io(format!("cannot write {}", file.display())))?;
        Ok((keys, true))
    }
}

/// A service that calls others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServiceName {
    Planner,
    Architect,
    Coder,
    Tester,
}

impl ServiceName {
    /// The name that it is known by to those it calls.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Architect => "architect",
            Self::Coder => "coder",
            Self::Tester => "tester",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_are_made_once_and_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("keys.json");
        let (made, fresh) = Keys::load_or_make(&file).expect("made");
        let (kept, again) = Keys::load_or_make(&file).expect("kept");
        assert_eq!((fresh, again, made.api()), (true, false, kept.api()));
        let planner = |keys: &Keys| keys.of(ServiceName::Planner).fingerprint();
        assert_ne!(planner(&made), planner(&kept), "what services show to each other is new at each start");
        assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    }
}
