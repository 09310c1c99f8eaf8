use protocol::{Code, Problem, Role};
use std::fmt;

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Somebody with an API key.
    Person {
        /// The name of the key, to which its tasks belong.
        name: String,
        /// What this key lets them do.
        role: Role,
    },
    /// One of our services, by its name: `planner`, `architect`, `coder`, `tester`.
    Service(String),
}

/// Whom a job belongs to: a name without a role, which may be another with the next key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Everybody with a key of this name.
    Person(String),
    /// This service.
    Service(String),
}

impl Principal {
    /// Somebody with a key of this name and role.
    #[must_use]
    pub fn person(name: impl Into<String>, role: Role) -> Self {
        Self::Person { name: name.into(), role }
    }

    /// The service of this name.
    #[must_use]
    pub fn service(name: impl Into<String>) -> Self {
        Self::Service(name.into())
    }

    /// The name without the kind.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Person { name, .. } | Self::Service(name) => name,
        }
    }

    /// To whom what it starts belongs.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match self {
            Self::Person { name, .. } => Owner::Person(name.clone()),
            Self::Service(name) => Owner::Service(name.clone()),
        }
    }

    /// Whether it may do what needs this role. Services have none: each tool says by name which of them may call it.
    ///
    /// # Errors
    /// [`Code::InsufficientRole`], which says what is missing.
    pub fn require(&self, needed: Role) -> Result<(), Problem> {
        match self {
            Self::Person { name, role } if *role < needed => {
                let detail = format!("this needs the role {needed}; the key of {name} has the role {role}");
                Err(Code::InsufficientRole.problem(detail))
            }
            Self::Person { .. } | Self::Service(_) => Ok(()),
        }
    }

    /// Whether it may see what belongs to somebody. What it may not see does not exist for it.
    #[must_use]
    pub fn may_see(&self, owner: &Owner) -> bool {
        match self.sight() {
            Sight::EveryPerson => matches!(owner, Owner::Person(_)),
            Sight::Only(own) => own == *owner,
        }
    }

    /// Whose it may see.
    pub(crate) fn sight(&self) -> Sight {
        match self {
            Self::Person { role: Role::Admin, .. } => Sight::EveryPerson,
            Self::Person { .. } | Self::Service(_) => Sight::Only(self.owner()),
        }
    }
}

/// Whose jobs somebody may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Those of all people.
    EveryPerson,
    /// Its own.
    Only(Owner),
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.owner().fmt(f)
    }
}

impl Owner {
    /// The name without the kind.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Person(name) | Self::Service(name) => name,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => write!(f, "person:{name}"),
            Self::Service(name) => write!(f, "service:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_may_do_what_lesser_ones_may() {
        for has in Role::ALL {
            for needed in Role::ALL {
                let refused = Principal::person("mei", has).require(needed).err().map(|problem| problem.code);
                assert_eq!(refused, (has < needed).then_some(Code::InsufficientRole), "{has} {needed}");
            }
        }
        assert_eq!(Principal::service("coder").require(Role::Admin), Ok(()));
    }

    #[test]
    fn everybody_sees_what_is_theirs_and_an_admin_what_any_person_has() {
        let (mei, coder) = (Owner::Person("mei".into()), Owner::Service("coder".into()));
        for (who, sees_mei, sees_coder) in [
            (Principal::person("mei", Role::Viewer), true, false),
            (Principal::person("ann", Role::Operator), false, false),
            (Principal::person("ann", Role::Admin), true, false),
            (Principal::person("coder", Role::Operator), false, false),
            (Principal::service("coder"), false, true),
            (Principal::service("mei"), false, false),
        ] {
            assert_eq!((who.may_see(&mei), who.may_see(&coder)), (sees_mei, sees_coder), "{who:?}");
        }
    }
}
