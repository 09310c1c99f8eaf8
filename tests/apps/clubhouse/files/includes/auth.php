<?php

function start_session()
{
    session_name('clubhouse');
    session_start(['gc_maxlifetime' => 60 * 60 * 8]); // eight hours; the server sets HttpOnly and SameSite
}

/** Member of the session, or null. */
function me()
{
    static $me = false;
    if ($me === false) {
        $me = empty($_SESSION['member_id']) ? null : find_member($_SESSION['member_id']);
    }
    return $me;
}

function is_admin()
{
    return me() && me()['role'] === 'admin';
}

function require_login()
{
    if (!me()) {
        redirect('/login?next=' . rawurlencode($_SERVER['REQUEST_URI']));
    }
    return me();
}

function require_admin()
{
    require_login();
    if (!is_admin()) {
        error_page(403, t('管理者専用のページです', 'Administrators only'));
    }
}

/** The member with this address and password, or null. */
function check_login($email, $password)
{
    $member = row('SELECT * FROM members WHERE email = ?', [$email]);
    if (!$member || !password_verify($password, $member['password_hash'])) {
        return null;
    }
    if (password_needs_rehash($member['password_hash'], PASSWORD_DEFAULT)) {
        q('UPDATE members SET password_hash = ? WHERE id = ?', [password_hash($password, PASSWORD_DEFAULT), $member['id']]);
    }
    q('UPDATE members SET last_login_at = NOW() WHERE id = ?', [$member['id']]);
    return $member;
}

/** Ten wrong passwords for one address, then wait ten minutes. */
function too_many_failures($email)
{
    return (int)cache_get('loginfail:' . md5(mb_strtolower($email))) >= 10;
}

function count_failure($email)
{
    $r = redis();
    if ($r) {
        $key = 'loginfail:' . md5(mb_strtolower($email));
        $r->incr($key);
        $r->expire($key, 600);
    }
}

function log_in($member)
{
    session_regenerate_id(true);
    $_SESSION['member_id'] = $member['id'];
    unset($_SESSION['csrf']);
}

/* ---------- phone app ---------- */

function token_hash($token)
{
    return hash_hmac('sha256', $token, config()['secret']);
}

function new_api_token($member, $device)
{
    $token = bin2hex(random_bytes(20));
    q('INSERT INTO api_tokens (token_hash, member_id, device) VALUES (?, ?, ?)', [token_hash($token), $member['id'], mb_substr($device, 0, 100)]);
    return $token;
}

/** Member of "Authorization: Bearer ...", or null. */
function api_member()
{
    if (!preg_match('/^Bearer ([0-9a-f]{40})$/', $_SERVER['HTTP_AUTHORIZATION'] ?? '', $m)) {
        return null;
    }
    return row('SELECT m.* FROM api_tokens t JOIN members m ON m.id = t.member_id WHERE t.token_hash = ?', [token_hash($m[1])]);
}
