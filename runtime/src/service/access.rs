//! Which role each route needs. A route that says nothing answers nobody.

use crate::{Principal, http::Failure};
use axum::{
    http::{HeaderValue, Method, header},
    response::{IntoResponse as _, Response},
};
use protocol::{Code, Problem, Role};

/// What one call of a service's own routes needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Its method; `HEAD` needs what `GET` does.
    pub method: Method,
    /// Its path as the router has it: `/v1/tasks/{id}`.
    pub path: &'static str,
    /// The role; `None` when anybody may call it, without a key.
    pub role: Option<Role>,
}

impl Need {
    /// A call that anybody may make.
    #[must_use]
    pub const fn nothing(method: Method, path: &'static str) -> Self {
        Self { method, path, role: None }
    }

    /// A call that needs this role.
    #[must_use]
    pub const fn role(method: Method, path: &'static str, role: Role) -> Self {
        Self { method, path, role: Some(role) }
    }
}

/// The needs of all routes of a service.
#[derive(Debug, Clone, Default)]
pub(super) struct Access(Vec<Need>);

impl Access {
    pub(super) fn and(mut self, needs: impl IntoIterator<Item = Need>) -> Self {
        self.0.extend(needs);
        self
    }

    /// Whether the caller may call that.
    pub(super) fn admit(
        &self,
        method: &Method,
        path: &str,
        caller: &Result<Principal, Problem>,
    ) -> Result<(), Box<Response>> {
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        let on_path = || self.0.iter().filter(|need| need.path == path);
        let Some(need) = on_path().find(|need| need.method == wanted) else {
            return Err(Box::new(match on_path().next() {
                Some(_) => not_for(method, on_path().map(|need| need.method.as_str())),
                None => undeclared(path),
            }));
        };
        let Some(role) = need.role else { return Ok(()) };
        let caller = caller.as_ref().map_err(|problem| Box::new(Failure(problem.clone()).into_response()))?;
        caller.require(role).map_err(|problem| Box::new(insufficient(problem, role)))
    }
}

/// The role that an answer says is missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missing(pub(super) Role);

/// Refuses a caller whose role is not enough, and says which one is.
pub(super) fn insufficient(problem: Problem, needed: Role) -> Response {
    let mut response = Failure(problem).into_response();
    response.extensions_mut().insert(Missing(needed));
    response
}

fn not_for<'a>(method: &Method, allowed: impl Iterator<Item = &'a str>) -> Response {
    let allowed: Vec<_> = allowed.flat_map(|one| if one == "GET" { vec!["GET", "HEAD"] } else { vec![one] }).collect();
    let problem = Code::MethodNotAllowed.problem(format!("{method} is not among those in `Allow`"));
    let mut response = Failure(problem).into_response();
    if let Ok(allow) = HeaderValue::from_str(&allowed.join(",")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

fn undeclared(path: &str) -> Response {
    tracing::error!(http.route = path, "A route does not say which role it needs, so it answers nobody");
    Failure(Code::Forbidden.problem("this route answers nobody")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(method: Method, path: &str, caller: Option<Principal>) -> Result<(), u16> {
        let needs = [
            Need::nothing(Method::GET, "/public"),
            Need::role(Method::GET, "/things", Role::Viewer),
            Need::role(Method::POST, "/things", Role::Operator),
        ];
        let caller = caller.ok_or_else(|| Code::Unauthorized.problem("nobody"));
        let admitted = Access::default().and(needs).admit(&method, path, &caller);
        admitted.map_err(|refused| refused.status().as_u16())
    }

    #[test]
    fn a_route_answers_those_it_says_it_answers() {
        let viewer = || Some(Principal::person("mei", Role::Viewer));
        assert_eq!(admitted(Method::GET, "/public", None), Ok(()));
        assert_eq!(admitted(Method::HEAD, "/public", None), Ok(()));
        assert_eq!(admitted(Method::GET, "/things", None), Err(401));
        assert_eq!(admitted(Method::HEAD, "/things", viewer()), Ok(()));
        assert_eq!(admitted(Method::POST, "/things", viewer()), Err(403));
        assert_eq!(admitted(Method::POST, "/things", Some(Principal::person("mei", Role::Operator))), Ok(()));
        assert_eq!(admitted(Method::POST, "/things", Some(Principal::service("coder"))), Ok(()));
    }

    #[test]
    fn a_route_that_says_nothing_answers_nobody() {
        let admin = || Some(Principal::person("mei", Role::Admin));
        assert_eq!(admitted(Method::GET, "/forgotten", admin()), Err(403));
        assert_eq!(admitted(Method::DELETE, "/things", admin()), Err(405));
    }
}
