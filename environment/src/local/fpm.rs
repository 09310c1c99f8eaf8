use crate::host::pools::{PoolSpec, SOCKET};
use std::{fmt::Write as _, path::Path};

/// Extensions that apps get, in the order in which they must be loaded. What is not here and not built into PHP (FFI, sockets,
/// pcntl, posix, ftp, curl, shared memory) is not even in the process.
const EXTENSIONS: [&str; 20] = [
    "mysqlnd",
    "pdo",
    "pdo_mysql",
    "mysqli",
    "igbinary",
    "redis",
    "mbstring",
    "ctype",
    "iconv",
    "tokenizer",
    "fileinfo",
    "intl",
    "bcmath",
    "gettext",
    "calendar",
    "xml",
    "dom",
    "simplexml",
    "xmlreader",
    "xmlwriter",
];

/// Functions that untrusted code must not have, whether or not this PHP has them: to run programs, to load code, to open
/// connections of its own, to look at or signal processes, to change the environment, owners and modes, or to make links.
const DISABLED: &str = "exec,passthru,shell_exec,system,proc_open,proc_close,proc_get_status,proc_nice,proc_terminate,popen,\
pcntl_alarm,pcntl_async_signals,pcntl_exec,pcntl_fork,pcntl_rfork,pcntl_signal,pcntl_signal_dispatch,pcntl_unshare,\
pcntl_wait,pcntl_waitpid,pcntl_setpriority,pcntl_forkx,dl,putenv,apache_setenv,mail,mb_send_mail,fsockopen,pfsockopen,\
stream_socket_client,stream_socket_server,stream_socket_accept,stream_socket_pair,stream_socket_sendto,\
stream_socket_recvfrom,socket_create,socket_create_listen,socket_create_pair,socket_connect,socket_bind,socket_listen,\
socket_accept,socket_import_stream,socket_sendto,socket_recvfrom,socket_addrinfo_connect,socket_addrinfo_bind,\
socket_addrinfo_lookup,curl_init,curl_exec,curl_multi_init,curl_multi_exec,ftp_connect,ftp_ssl_connect,dns_get_record,\
dns_get_mx,dns_check_record,checkdnsrr,getmxrr,gethostbyname,gethostbynamel,gethostbyaddr,posix_kill,posix_mkfifo,\
posix_mknod,posix_setuid,posix_setgid,posix_seteuid,posix_setegid,posix_setsid,posix_setpgid,posix_setrlimit,\
posix_getpwnam,posix_getpwuid,posix_getgrnam,posix_getgrgid,posix_initgroups,shmop_open,shm_attach,sem_get,msg_get_queue,\
ftok,symlink,link,readlink,chmod,chown,chgrp,lchown,lchgrp,opcache_reset,opcache_invalidate,opcache_compile_file,\
opcache_get_status,opcache_get_configuration,opcache_is_script_cached,phpinfo,php_uname,getmypid,disk_free_space,\
disk_total_space,openlog,syslog,closelog,show_source,highlight_file,cli_set_process_title,ini_alter,ini_restore,\
fpm_get_status,virtual,inotify_init,eio_open";

/// Where a pool's own files are: below `run`, the pool's directory.
pub(super) struct Pool<'a> {
    pub(super) spec: &'a PoolSpec,
    pub(super) run: &'a Path,
    /// Where this machine keeps PHP's extensions.
    pub(super) extensions: &'a Path,
}

impl Pool<'_> {
    /// `php.ini`: what only the start of the master can say.
    pub(super) fn php_ini(&self) -> String {
        let mut ini = String::new();
        let there = |name: &str| self.extensions.join(format!("{name}.so")).exists();
        for name in EXTENSIONS.iter().filter(|name| there(name)) {
            let _ = writeln!(ini, "extension={name}");
        }
        if there("opcache") {
            ini.push_str("zend_extension=opcache\n");
        }
        ini.push_str(
            // A release never changes once it is there, and neither does what PHP compiled of it.
            "opcache.enable=1\nopcache.validate_timestamps=0\nopcache.memory_consumption=32\n\
             opcache.interned_strings_buffer=4\nopcache.max_accelerated_files=10000\nopcache.restrict_api=/nonexistent\n\
             opcache.jit=off\nffi.enable=0\nexpose_php=0\ndefault_charset=UTF-8\nvariables_order=EGPCS\ndate.timezone=UTC\n\
             cgi.fix_pathinfo=0\n\
             user_ini.filename=\nmysqli.allow_local_infile=0\nzend.exception_ignore_args=1\nrealpath_cache_ttl=600\n",
        );
        ini
    }

    /// `fpm.conf`: the pool, with what scripts cannot change. Nothing of this is sent with a request: values sent so would stay
    /// in the worker for the next one.
    pub(super) fn fpm_conf(&self) -> String {
        let name = &self.spec.name;
        let home = self.spec.home.display();
        let socket = self.run.join(SOCKET);
        let socket = socket.display();
        format!(
            "[global]\nerror_log = {home}/log/fpm.log\nlog_level = warning\ndaemonize = no\nsystemd_interval = 0\n\
             process_control_timeout = 10s\n\n\
             [{name}]\nlisten = {socket}\nlisten.mode = 0666\nlisten.backlog = 511\n\
             pm = ondemand\npm.max_children = 8\npm.process_idle_timeout = 10s\npm.max_requests = 2000\n\
             request_terminate_timeout = 35s\nclear_env = yes\ncatch_workers_output = no\n\
             security.limit_extensions = .php\nenv[APP_CONFIG] = {home}/config.php\n\
             php_admin_value[open_basedir] = {home}/releases/:{home}/config.php:{home}/tmp/\n\
             php_admin_value[disable_functions] = {DISABLED}\n\
             php_admin_value[disable_classes] = FFI\n\
             php_admin_value[error_log] = {home}/log/php.log\n\
             php_admin_flag[log_errors] = on\nphp_admin_flag[display_errors] = off\n\
             php_admin_flag[display_startup_errors] = off\nphp_admin_flag[html_errors] = off\n\
             php_admin_value[error_reporting] = 32767\n\
             php_admin_flag[ignore_repeated_errors] = off\nphp_admin_value[log_errors_max_len] = 4096\n\
             php_admin_flag[allow_url_fopen] = off\nphp_admin_flag[allow_url_include] = off\n\
             php_admin_value[memory_limit] = 128M\nphp_admin_value[max_execution_time] = 30\n\
             php_admin_value[max_input_time] = 30\nphp_admin_value[post_max_size] = 8M\n\
             php_admin_value[upload_max_filesize] = 8M\n\
             php_admin_value[sys_temp_dir] = {home}/tmp\nphp_admin_value[upload_tmp_dir] = {home}/tmp\n\
             php_admin_value[session.save_path] = {home}/tmp\n\
             php_admin_value[session.cookie_httponly] = 1\nphp_admin_value[session.use_strict_mode] = 1\n\
             php_value[session.cookie_samesite] = Lax\n\
             php_admin_value[sendmail_path] = /bin/false\n\
             php_admin_value[auto_prepend_file] = none\nphp_admin_value[auto_append_file] = none\n"
        )
    }
}
