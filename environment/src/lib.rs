//! The external development environment: a PHP application behind Nginx, with MySQL and Redis.
//!
//! * [`host`] is the service that alone may change it: releases, previews, schemas, accounts, migrations, activation.
//! * [`client`] is what Coder and Tester use on it, with the accounts of one app or preview.
//! * [`files`] is what a language model is shown of an app's files.
//! * [`local`] starts and stops a private Nginx, PHP-FPM, MariaDB and Redis, for `yonin up`, the demo and the tests.

pub mod client;
pub mod files;
pub mod host;
pub mod local;
