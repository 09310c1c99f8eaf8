<?php

// Photos live in MySQL: nothing can be written next to the code.
if (!me()) {
    http_response_code(403);
    exit;
}
$photo = row('SELECT * FROM member_photos WHERE member_id = ?', [$id]);
if (!$photo) {
    $member = find_member((int)$id);
    if (!$member) {
        not_found();
    }
    // first character of the name on a green disc
    header('Content-Type: image/svg+xml; charset=utf-8');
    header('Cache-Control: private, max-age=60');
    echo '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 120"><rect width="120" height="120" fill="#14532d"/>'
        . '<text x="60" y="78" font-size="54" fill="#fff" text-anchor="middle">' . h(mb_substr($member['name'], 0, 1)) . '</text></svg>';
    exit;
}

$etag = '"' . $photo['etag'] . '"';
header('ETag: ' . $etag);
header('Cache-Control: private, no-cache');
header('X-Content-Type-Options: nosniff');
if (($_SERVER['HTTP_IF_NONE_MATCH'] ?? '') === $etag) {
    http_response_code(304);
    exit;
}
header('Content-Type: ' . $photo['mime']);
header('Content-Length: ' . strlen($photo['data']));
echo $photo['data'];
