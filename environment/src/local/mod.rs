//! A private Nginx, PHP-FPM, MariaDB and Redis on free loopback ports.
