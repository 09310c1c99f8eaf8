//! The whole product on real servers: a real `yonin up` with its Nginx, PHP-FPM, MariaDB and Redis for each test; or each agent a
//! process of its own.

mod arranged;
mod bad_input;
mod cluster;
mod contract;
mod faults;
mod goals;
mod https;
mod import;
mod injections;
mod interrupted;
mod keys;
mod lifecycle;
mod local_model;
mod metrics;
mod planted;
mod queue;
mod releases;
mod replicas;
mod starts;
mod tapes;
mod traces;
