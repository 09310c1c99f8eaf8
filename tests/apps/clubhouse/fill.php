<?php

// Fills a clubhouse that has no members yet, through its own form: php fill.php http://127.0.0.1:PORT APP.localhost
// Browsers know where *.localhost is, not every resolver does: the address says where, the name says which app.

[, $web, $host] = $argv + [1 => '', 2 => ''];

function ask(string $method, string $url, array $headers, string $body = ''): array
{
    $http = ['method' => $method, 'header' => $headers, 'content' => $body, 'follow_location' => 0, 'ignore_errors' => true];
    $text = file_get_contents($url, false, stream_context_create(['http' => $http]));
    if ($text === false) {
        fwrite(STDERR, "nothing answers at $url\n");
        exit(1);
    }
    return [(int)explode(' ', $http_response_header[0])[1], $http_response_header, $text];
}

[$status, $headers, $page] = ask('GET', "$web/install", ["Host: $host"]);
$found = preg_match('/name="csrf" value="([^"]+)"/', $page, $token);
$cookies = preg_replace('/^set-cookie: ([^;]+).*$/i', '$1', preg_grep('/^set-cookie:/i', $headers));
if ($status !== 200 || !$found) {
    fwrite(STDERR, "$host cannot be filled: /install answers $status\n");
    exit(1);
}
$form = http_build_query([
    'csrf' => $token[1],
    'name' => '管理 者',
    'name_kana' => 'かんり しゃ',
    'email' => 'admin@club.example',
    'password' => 'admin-password',
    'sample' => '1',
    'sample_password' => 'sample-password',
]);
$kind = 'Content-Type: application/x-www-form-urlencoded';
[$status] = ask('POST', "$web/install", ["Host: $host", $kind, 'Cookie: ' . implode('; ', $cookies)], $form);
if ($status !== 303) {
    fwrite(STDERR, "$host was not filled: /install answers $status\n");
    exit(1);
}
