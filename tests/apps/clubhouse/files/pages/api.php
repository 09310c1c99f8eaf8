<?php

// JSON for the phone app. Everything under /api/ comes here; see the app's repository for how it uses it.
//   POST   /api/login                 {"email", "password", "device"} -> {"token"}
//   POST   /api/logout
//   GET    /api/me
//   GET    /api/events                ?past=1
//   GET    /api/events/{id}
//   POST   /api/events/{id}/signup    {"note"}
//   DELETE /api/events/{id}/signup
//   GET    /api/members/{id}
// The app sends "Authorization: Bearer <token>".

$method = $_SERVER['REQUEST_METHOD'];

function api_error($status, $code, $message)
{
    json_out(['error' => $code, 'message' => $message], $status);
}

function api_body()
{
    $raw = file_get_contents('php://input');
    if ($raw === '') {
        return [];
    }
    $data = json_decode($raw, true);
    if (!is_array($data)) {
        api_error(400, 'bad_json', 'JSONの形式が正しくありません');
    }
    return $data;
}

function api_require_member()
{
    $member = api_member();
    if (!$member) {
        header('WWW-Authenticate: Bearer');
        api_error(401, 'unauthorized', 'ログインしてください');
    }
    return $member;
}

function api_need($wanted)
{
    if ($_SERVER['REQUEST_METHOD'] !== $wanted) {
        header('Allow: ' . $wanted);
        api_error(405, 'method_not_allowed', 'Method not allowed');
    }
}

function api_time($datetime)
{
    return $datetime ? date(DATE_ATOM, strtotime($datetime)) : null;
}

function api_event($e)
{
    return [
        'id' => $e['id'],
        'title' => $e['title'],
        'description' => $e['description'],
        'place' => $e['place'],
        'starts_at' => api_time($e['starts_at']),
        'ends_at' => api_time($e['ends_at']),
        'capacity' => $e['capacity'],
        'signups' => $e['signup_count'],
        'free' => free_places($e),
        'organiser' => $e['organiser_id'] === null ? null : ['id' => $e['organiser_id'], 'name' => $e['organiser_name']],
    ];
}

function api_find_event($id)
{
    $event = row('SELECT ' . EVENT_COLUMNS . ', m.name AS organiser_name FROM events e LEFT JOIN members m ON m.id = e.organiser_id WHERE e.id = ?', [$id]);
    if (!$event) {
        api_error(404, 'not_found', 'イベントが見つかりません');
    }
    return $event;
}

if ($path === '/api/login') {
    api_need('POST');
    $in = api_body();
    $email = clean_str($in['email'] ?? '');
    if (too_many_failures($email)) {
        api_error(429, 'too_many_attempts', 'しばらくしてからもう一度お試しください');
    }
    $member = check_login($email, is_string($in['password'] ?? null) ? $in['password'] : '');
    if (!$member) {
        count_failure($email);
        api_error(401, 'wrong_password', 'メールアドレスかパスワードが違います');
    }
    json_out(['token' => new_api_token($member, clean_str($in['device'] ?? '')), 'member' => ['id' => $member['id'], 'name' => $member['name']]]);
}

if ($path === '/api/logout') {
    api_need('POST');
    api_require_member();
    q('DELETE FROM api_tokens WHERE token_hash = ?', [token_hash(substr($_SERVER['HTTP_AUTHORIZATION'], 7))]);
    json_out(['ok' => true]);
}

if ($path === '/api/me') {
    api_need('GET');
    $member = api_require_member();
    $ids = q('SELECT event_id FROM signups WHERE member_id = ? ORDER BY event_id', [$member['id']])->fetchAll(PDO::FETCH_COLUMN);
    json_out(['id' => $member['id'], 'name' => $member['name'], 'email' => $member['email'], 'card_no' => $member['card_no'], 'signed_up' => $ids]);
}

if ($path === '/api/events') {
    api_need('GET');
    $events = get_str('past') === '1' ? past_events(50) : upcoming_events();
    json_out(['events' => array_map('api_event', $events)]);
}

if (preg_match('~^/api/events/(\d{1,9})$~', $path, $m)) {
    api_need('GET');
    json_out(api_event(api_find_event($m[1])));
}

if (preg_match('~^/api/events/(\d{1,9})/signup$~', $path, $m)) {
    if ($method !== 'DELETE') {
        api_need('POST');
    }
    $member = api_require_member();
    $event = api_find_event($m[1]);
    if ($method === 'DELETE') {
        if (event_is_over($event)) {
            api_error(409, 'over', '終了したイベントです');
        }
        if (!cancel_signup($event['id'], $member['id'])) {
            api_error(404, 'not_signed_up', '申し込みがありません');
        }
        json_out(['ok' => true, 'event' => api_event(api_find_event($m[1]))]);
    }
    $in = api_body();
    switch (sign_up($event['id'], $member['id'], clean_str($in['note'] ?? ''))) {
        case 'ok':
            json_out(['ok' => true, 'event' => api_event(api_find_event($m[1]))], 201);
        case 'already':
            api_error(409, 'already', 'すでに申し込み済みです');
        case 'full':
            api_error(409, 'full', '満員です');
        default:
            api_error(409, 'over', '受付は終了しました');
    }
}

if (preg_match('~^/api/members/(\d{1,9})$~', $path, $m)) {
    api_need('GET');
    api_require_member();
    $member = find_member((int)$m[1]);
    if (!$member) {
        api_error(404, 'not_found', '会員が見つかりません');
    }
    json_out([
        'id' => $member['id'],
        'name' => $member['name'],
        'name_kana' => $member['name_kana'],
        'joined_on' => $member['joined_on'],
        'bio' => $member['bio'],
        'has_photo' => value('SELECT COUNT(*) FROM member_photos WHERE member_id = ?', [$member['id']]) > 0,
    ]);
}

api_error(404, 'not_found', 'Not found');
