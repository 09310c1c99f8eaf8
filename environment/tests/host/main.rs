//! The host on a real Nginx, PHP-FPM, MariaDB and Redis.

mod arrange;
mod ground;
mod isolation;
mod recovery;
mod refusals;
mod releases;
mod saga;
mod servers;
mod wire;
