<?php
// 来客帳: everything goes through here.
$path = rawurldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
$root = dirname(__DIR__);

function db()
{
    $c = (require getenv('APP_CONFIG'))['mysql'];
    $options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION];
    return new PDO("mysql:host={$c['host']};port={$c['port']};dbname={$c['schema']};charset=utf8mb4", $c['user'], $c['password'], $options);
}

if ($path === '/') {
    $entries = db()->query('SELECT guests.name, entries.words FROM entries JOIN guests ON guests.id = entries.guest ORDER BY entries.id');
    require "$root/views/book.php";
} elseif ($path === '/stamp.gif') {
    header('Content-Type: image/gif');
    readfile(__DIR__ . $path);
} elseif ($path === '/broken') {
    http_response_code(500);
} elseif (preg_match('~^/hello/([a-z]+)$~', $path, $found) && is_file("$root/hello/$found[1].php")) {
    require "$root/hello/$found[1].php";
} else {
    http_response_code(404);
    echo 'ありません';
}
