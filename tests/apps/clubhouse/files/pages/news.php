<?php

$per_page = 10;
$count = value('SELECT COUNT(*) FROM news WHERE published_at <= NOW()');
$page = get_page();
$news = rows('SELECT n.*, m.name AS author_name FROM news n LEFT JOIN members m ON m.id = n.author_id
    WHERE n.published_at <= NOW() ORDER BY n.published_at DESC, n.id DESC LIMIT ' . $per_page . ' OFFSET ' . (($page - 1) * $per_page));

$title = t('お知らせ', 'News');
require ROOT . '/templates/header.php';
?>
<h1><?= h($title) ?></h1>
<?php foreach ($news as $n): ?>
<article>
  <h2><a href="/news/<?= $n['id'] ?>"><?= h($n['title']) ?></a></h2>
  <p class="muted"><?= h(format_date($n['published_at'])) ?> / <?= h($n['author_name'] ?? t('事務局', 'Office')) ?></p>
  <p><?= h(mb_strimwidth($n['body'], 0, 200, '…')) ?></p>
</article>
<?php endforeach ?>
<?= pager($page, (int)ceil($count / $per_page)) ?>
<?php require ROOT . '/templates/footer.php';
