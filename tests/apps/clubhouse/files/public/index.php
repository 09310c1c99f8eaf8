<?php

define('ROOT', dirname(__DIR__));

require ROOT . '/includes/functions.php';
require ROOT . '/includes/db.php';
require ROOT . '/includes/cache.php';
require ROOT . '/includes/auth.php';
require ROOT . '/includes/members.php';
require ROOT . '/includes/events.php';
require ROOT . '/includes/attendance.php';

date_default_timezone_set('Asia/Tokyo');
mb_internal_encoding('UTF-8');
register_shutdown_function('show_fatal_error');

$path = rawurldecode(explode('?', $_SERVER['REQUEST_URI'] ?? '/', 2)[0]);
if ($path !== '/') {
    $path = rtrim($path, '/');
}

if ($path === '/style.css') {
    header('Content-Type: text/css; charset=utf-8');
    header('Cache-Control: public, max-age=3600');
    readfile(ROOT . '/templates/style.css');
    exit;
}

// the phone app
if (str_starts_with($path, '/api/')) {
    require ROOT . '/pages/api.php';
    exit;
}

start_session();

$routes = [
    '~^/$~'                       => 'home',
    '~^/install$~'                => 'install',
    '~^/login$~'                  => 'login',
    '~^/logout$~'                 => 'logout',
    '~^/register$~'               => 'register',
    '~^/profile$~'                => 'profile',
    '~^/members$~'                => 'members',
    '~^/members/(\d{1,9})$~'       => 'member',
    '~^/members/(\d{1,9})/photo$~' => 'photo',
    '~^/events$~'                 => 'events',
    '~^/events/(\d{1,9})$~'        => 'event',
    '~^/news$~'                   => 'news',
    '~^/news/(\d{1,9})$~'          => 'news_item',
    '~^/search$~'                 => 'search',
    '~^/stats$~'                  => 'stats',
    '~^/admin$~'                  => 'admin/index',
    '~^/admin/members$~'          => 'admin/members',
    '~^/admin/members\.csv$~'     => 'admin/members_csv',
    '~^/admin/events(?:/(\d{1,9}|new))?$~' => 'admin/events',
    '~^/admin/news(?:/(\d{1,9}|new))?$~'   => 'admin/news',
    '~^/admin/attendance$~'       => 'admin/attendance',
];

foreach ($routes as $pattern => $page) {
    if (preg_match($pattern, $path, $m)) {
        $id = $m[1] ?? null;
        require ROOT . '/pages/' . $page . '.php';
        exit;
    }
}

not_found();
