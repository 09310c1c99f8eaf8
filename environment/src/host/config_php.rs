use super::{home::Accounts, names::Names};

/// What an app's PHP is told, outside its document root: where its services are and how to reach them.
pub(super) struct ConfigPhp<'a> {
    pub(super) names: &'a Names,
    pub(super) accounts: &'a Accounts,
    pub(super) mysql: &'a Server,
    pub(super) redis: &'a Server,
}

/// A server by name and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Server {
    /// Host and port of `scheme://user:password@host:port/path`.
    pub(super) fn of_url(url: &str, usual: u16) -> Option<Self> {
        let authority = url.split_once("://")?.1.split('/').next()?;
        let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !address.ends_with(']') => (host, port.parse().ok()?),
            _ => (address, usual),
        };
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port })
    }
}

impl ConfigPhp<'_> {
    pub(super) fn text(&self) -> String {
        let Self { names, accounts, mysql, redis } = self;
        let quote = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
        let (user, password) = (quote(&names.user), quote(&accounts.user));
        format!(
            "<?php\n\n// Written by the environment's host.\nreturn [\n    \
                 'mysql' => ['host' => {}, 'port' => {}, 'schema' => {}, 'user' => {user}, 'password' => {password}],\n    \
                 'redis' => ['host' => {}, 'port' => {}, 'user' => {user}, 'password' => {password}, 'prefix' => {}],\n    \
                 'secret' => {},\n];\n",
            quote(&mysql.host),
            mysql.port,
            quote(names.schema.as_str()),
            quote(&redis.host),
            redis.port,
            quote(&names.prefix),
            quote(&accounts.secret),
        )
    }
}
