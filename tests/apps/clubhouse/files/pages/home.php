<?php

$title = t('ホーム', 'Home');

// The front page gets most of the visits, so its middle part comes from Redis.
$html = cache_get('home:' . lang());
if ($html === null) {
    $news = rows('SELECT n.*, m.name AS author_name, (SELECT COUNT(*) FROM comments c WHERE c.news_id = n.id) AS comment_count
        FROM news n LEFT JOIN members m ON m.id = n.author_id
        WHERE n.published_at <= NOW() ORDER BY n.published_at DESC, n.id DESC LIMIT 5');
    $events = upcoming_events(5);
    ob_start();
    ?>
<h2><?= t('お知らせ', 'News') ?></h2>
<?php if (!$news): ?>
<p class="muted"><?= t('お知らせはまだありません。', 'No news yet.') ?></p>
<?php endif ?>
<ul>
<?php foreach ($news as $n): ?>
  <li><?= h(format_date($n['published_at'])) ?> <a href="/news/<?= $n['id'] ?>"><?= h($n['title']) ?></a>
    <span class="muted"><?= h($n['author_name'] ?? t('事務局', 'Office')) ?> / <?= t('コメント', 'comments') ?> <?= $n['comment_count'] ?></span></li>
<?php endforeach ?>
</ul>
<h2><?= t('今後のイベント', 'Coming events') ?></h2>
    <?php
    if ($events) {
        require ROOT . '/templates/event_table.php';
    } else {
        echo '<p class="muted">' . t('予定はありません。', 'Nothing planned.') . '</p>';
    }
    $html = ob_get_clean();
    cache_set('home:' . lang(), $html, 300);
}

$installed = value('SELECT COUNT(*) FROM members') > 0;

require ROOT . '/templates/header.php';
?>
<h1><?= t('みどり台スポーツクラブへようこそ', 'Welcome to Midoridai Sports Club') ?></h1>
<?php if (!$installed): ?>
<p class="flash"><a href="/install"><?= t('初期設定をしてください', 'Please set up the site') ?></a></p>
<?php endif ?>
<?= $html ?>
<?php
require ROOT . '/templates/footer.php';
