use super::{
    LocalError, directory, ports,
    process::{Daemon, Launch, Owner, Spawner},
    programs::Programs,
    write,
};
use nix::sys::signal::Signal;
use std::{net::SocketAddr, path::Path, time::Duration};

/// What the generic configuration needs to know.
#[derive(Debug, Clone)]
pub struct NginxConfig<'a> {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The domain below which apps answer: `<app>.<domain>`, `<preview>.preview.<domain>`.
    pub domain: &'a str,
    /// The directory with `apps/` and `previews/`.
    pub root: &'a Path,
    /// The directory with a socket for each pool: `<pool>/fpm.sock`.
    pub sockets: &'a Path,
    /// Where it keeps request bodies that do not fit in memory, and its pid file. Its own.
    pub scratch: &'a Path,
}

/// The one configuration for every app and preview, those to come included: nothing of it changes with them.
///
/// No file is ever served from the disk: every request goes to the front controller of the release that `current` pointed
/// to when the request came (`$realpath_root`), so no request sees half a release.
#[must_use]
pub fn configuration(config: &NginxConfig<'_>) -> String {
    let NginxConfig { listen, domain, root, sockets, scratch } = config;
    let (root, sockets, scratch) = (root.display(), sockets.display(), scratch.display());
    let domain = domain.replace('.', "\\.");
    let server = |pattern: &str, home: &str, pool: &str| {
        format!(
            r#"    server {{
        listen {listen};
        server_name "~^{pattern}\.{domain}$";
        root "{root}/{home}/current";
        location / {{
            if (!-f "{root}/{home}/current/public/index.php") {{ return 404; }}
            fastcgi_pass "unix:{sockets}/{pool}/fpm.sock";
            fastcgi_param SCRIPT_FILENAME $realpath_root/public/index.php;
            fastcgi_param DOCUMENT_ROOT $realpath_root/public;
            fastcgi_param SCRIPT_NAME /index.php;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_param REQUEST_SCHEME $scheme;
            fastcgi_param SERVER_NAME $host;
            fastcgi_param SERVER_PORT $server_port;
            fastcgi_param REMOTE_ADDR $remote_addr;
            fastcgi_param GATEWAY_INTERFACE CGI/1.1;
            fastcgi_param HTTP_PROXY "";
        }}
    }}
"#
        )
    };
    let apps = server("(?<app>[a-z][a-z0-9-]{1,30})", "apps/$app", "app-$app");
    let previews = server("(?<preview>[a-z0-9]{26})\\.preview", "previews/$preview", "pv-$preview");
    format!(
        r#"worker_processes 1;
daemon off;
pid "{scratch}/nginx.pid";
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    server_tokens off;
    default_type application/octet-stream;
    client_max_body_size 8m;
    client_body_temp_path "{scratch}/body";
    fastcgi_temp_path "{scratch}/fastcgi";
    proxy_temp_path "{scratch}/proxy";
    scgi_temp_path "{scratch}/scgi";
    uwsgi_temp_path "{scratch}/uwsgi";
    fastcgi_buffers 16 16k;
    fastcgi_buffer_size 16k;
    fastcgi_read_timeout 40s;
    keepalive_timeout 65s;
    keepalive_requests 100000;
    server {{
        listen {listen} default_server;
        return 404;
    }}
{apps}{previews}}}
"#
    )
}

/// Starts Nginx with that configuration and waits until it answers.
pub(crate) async fn start(
    spawner: &Spawner,
    programs: &Programs,
    config: &NginxConfig<'_>,
) -> Result<Daemon, LocalError> {
    let owner = Owner::named("www-data");
    directory(config.scratch, owner, 0o700)?;
    let file = config.scratch.join("nginx.conf");
    write(&file, configuration(config).as_bytes(), owner, 0o600)?;
    let launch = Launch {
        name: "nginx",
        program: &programs.nginx,
        args: vec!["-p".into(), config.scratch.into(), "-e".into(), "stderr".into(), "-c".into(), file.into()],
        env: Vec::new(),
        owner,
        on_death: Signal::SIGTERM,
        log: config.scratch.join("nginx.log"),
    };
    let daemon = spawner.start(launch).await?;
    daemon.ready(Duration::from_secs(10), || ports::answers(config.listen.port())).await
}
