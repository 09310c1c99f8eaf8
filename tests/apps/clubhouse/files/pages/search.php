<?php

require_login();

$word = get_str('q');
$members = $events = $news = [];
if ($word !== '') {
    $like = like($word);
    $members = rows('SELECT id, name, name_kana FROM members WHERE name LIKE ? OR name_kana LIKE ? ORDER BY name_kana, id LIMIT 50', [$like, $like]);
    $events = rows('SELECT id, title, starts_at FROM events WHERE title LIKE ? OR description LIKE ? OR place LIKE ? ORDER BY starts_at DESC LIMIT 50', [$like, $like, $like]);
    $news = rows('SELECT id, title, published_at FROM news WHERE published_at <= NOW() AND (title LIKE ? OR body LIKE ?) ORDER BY published_at DESC LIMIT 50', [$like, $like]);
}

$title = t('検索', 'Search');
require ROOT . '/templates/header.php';
?>
<h1><?= h($title) ?></h1>
<form method="get" action="/search">
  <input type="text" name="q" value="<?= h($word) ?>" autofocus>
  <button><?= t('検索', 'Search') ?></button>
</form>
<?php
if ($word !== '') {
    if (!$members && !$events && !$news) {
        echo '<p>' . t('「' . h($word) . '」は見つかりませんでした。', 'Nothing found for “' . h($word) . '”.') . '</p>';
    }
    if ($members) {
        echo '<h2>' . t('会員', 'Members') . '</h2><ul>';
        foreach ($members as $m) {
            echo '<li>' . member_link($m['id'], $m['name']) . ' <span class="muted">' . h($m['name_kana']) . '</span></li>';
        }
        echo '</ul>';
    }
    if ($events) {
        echo '<h2>' . t('イベント', 'Events') . '</h2><ul>';
        foreach ($events as $e) {
            echo '<li>' . h(format_date($e['starts_at'])) . ' <a href="/events/' . $e['id'] . '">' . h($e['title']) . '</a></li>';
        }
        echo '</ul>';
    }
    if ($news) {
        echo '<h2>' . t('お知らせ', 'News') . '</h2><ul>';
        foreach ($news as $n) {
            echo '<li>' . h(format_date($n['published_at'])) . ' <a href="/news/' . $n['id'] . '">' . h($n['title']) . '</a></li>';
        }
        echo '</ul>';
    }
}
require ROOT . '/templates/footer.php';
