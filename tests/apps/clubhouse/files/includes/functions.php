<?php

// Small helpers used everywhere.

function config()
{
    static $config = null;
    if ($config === null) {
        $config = require ($_SERVER['APP_CONFIG'] ?? getenv('APP_CONFIG'));
    }
    return $config;
}

function h($s)
{
    return htmlspecialchars((string)$s, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

/* ---------- language ---------- */

function lang()
{
    static $lang = null;
    if ($lang !== null) {
        return $lang;
    }
    $want = get_str('lang');
    if ($want === 'ja' || $want === 'en') {
        setcookie('lang', $want, ['expires' => time() + 86400 * 365, 'path' => '/', 'samesite' => 'Lax']);
        return $lang = $want;
    }
    $cookie = $_COOKIE['lang'] ?? '';
    return $lang = ($cookie === 'en' ? 'en' : 'ja');
}

/** Two languages are enough for us, no need for gettext. */
function t($ja, $en)
{
    return lang() === 'en' ? $en : $ja;
}

function format_date($date)
{
    if (!$date) {
        return '';
    }
    $ts = strtotime($date);
    if (lang() === 'en') {
        return date('D j M Y', $ts);
    }
    $youbi = ['日', '月', '火', '水', '木', '金', '土'];
    return date('Y年n月j日', $ts) . '(' . $youbi[date('w', $ts)] . ')';
}

function format_datetime($date)
{
    return $date ? format_date($date) . ' ' . date('H:i', strtotime($date)) : '';
}

/* ---------- input ---------- */

function clean_str($value)
{
    return is_string($value) ? trim(mb_scrub(str_replace("\0", '', $value))) : '';
}

function get_str($key)
{
    return clean_str($_GET[$key] ?? '');
}

function post_str($key)
{
    return clean_str($_POST[$key] ?? '');
}

function get_page()
{
    return max(1, min(100000, (int)get_str('page')));
}

function is_post()
{
    return ($_SERVER['REQUEST_METHOD'] ?? 'GET') === 'POST';
}

/** '2026-04-01' or null. */
function valid_date($s)
{
    $d = DateTime::createFromFormat('!Y-m-d', $s);
    return $d && $d->format('Y-m-d') === $s && $s > '1900-01-01' && $s < '2100-01-01' ? $s : null;
}

/** What <input type="datetime-local"> sends, as MySQL wants it; or null. */
function valid_datetime($s)
{
    $s = substr(str_replace('T', ' ', $s), 0, 16);
    $d = DateTime::createFromFormat('!Y-m-d H:i', $s);
    return $d && $d->format('Y-m-d H:i') === $s && $s > '1900' && $s < '2100' ? $s . ':00' : null;
}

/** People type full-width spaces between 姓 and 名: we always keep one ordinary space. */
function normalize_name($name)
{
    return trim(preg_replace('/[\s\x{3000}]+/u', ' ', $name));
}

/* ---------- output ---------- */

function redirect($to)
{
    header('Location: ' . $to, true, 303);
    exit;
}

function flash($message, $kind = 'ok')
{
    $_SESSION['flash'][] = [$kind, $message];
}

function error_page($status, $message)
{
    http_response_code($status);
    $title = $message;
    require ROOT . '/templates/error.php';
    exit;
}

function not_found()
{
    error_page(404, t('ページが見つかりません', 'Page not found'));
}

/** PHP has already written the reason to its log; the visitor should not see an empty page. */
function show_fatal_error()
{
    $error = error_get_last();
    if (!$error || !in_array($error['type'], [E_ERROR, E_PARSE, E_CORE_ERROR, E_COMPILE_ERROR]) || headers_sent()) {
        return;
    }
    http_response_code(500);
    if (str_starts_with($_SERVER['REQUEST_URI'] ?? '', '/api/')) {
        header('Content-Type: application/json');
        echo '{"error":"server_error"}';
        return;
    }
    header('Content-Type: text/html; charset=utf-8');
    echo '<!DOCTYPE html><html lang="ja"><meta charset="utf-8"><title>エラー</title><h1>申し訳ありません</h1>'
        . '<p>エラーが発生しました。しばらくしてからもう一度お試しください。</p><p>Something went wrong. Please try again later.</p></html>';
}

function json_out($data, $status = 200)
{
    http_response_code($status);
    header('Content-Type: application/json; charset=utf-8');
    header('Cache-Control: no-store');
    echo json_encode($data, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE);
    exit;
}

/** Text that members typed: line breaks, and links where somebody wrote an address. */
function text_to_html($text)
{
    $html = nl2br(h($text));
    return preg_replace('~https?://[^\s<>"]+~u', '<a href="$0" rel="nofollow noopener">$0</a>', $html);
}

function pager($page, $pages, $query = [])
{
    if ($pages <= 1) {
        return '';
    }
    $html = '<p class="pager">';
    for ($i = 1; $i <= $pages; $i++) {
        $url = '?' . http_build_query(array_merge($query, ['page' => $i]));
        $html .= $i == $page ? "<b>$i</b> " : '<a href="' . h($url) . '">' . $i . '</a> ';
    }
    return $html . '</p>';
}

/* ---------- CSRF ---------- */

function csrf_token()
{
    if (empty($_SESSION['csrf'])) {
        $_SESSION['csrf'] = bin2hex(random_bytes(16));
    }
    return $_SESSION['csrf'];
}

function csrf_field()
{
    return '<input type="hidden" name="csrf" value="' . h(csrf_token()) . '">';
}

function check_csrf()
{
    if (!hash_equals(csrf_token(), post_str('csrf'))) {
        error_page(403, t('フォームの有効期限が切れました。もう一度お試しください。', 'This form has expired. Please try again.'));
    }
}
