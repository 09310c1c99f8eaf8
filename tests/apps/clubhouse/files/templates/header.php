<!DOCTYPE html>
<html lang="<?= lang() ?>">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title><?= h($title ?? '') ?> | みどり台スポーツクラブ</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header>
  <span class="right">
    <?php if (me()): ?>
      <a href="/profile"><?= h(with_san(me()['name'])) ?></a>
      <form class="inline" method="post" action="/logout"><?= csrf_field() ?><button class="small"><?= t('ログアウト', 'Log out') ?></button></form>
    <?php else: ?>
      <a href="/login"><?= t('ログイン', 'Log in') ?></a>
      <a href="/register"><?= t('入会', 'Join') ?></a>
    <?php endif ?>
    <a href="?lang=<?= t('en', 'ja') ?>"><?= t('English', '日本語') ?></a>
  </span>
  <a class="title" href="/">みどり台SC</a>
  <a href="/news"><?= t('お知らせ', 'News') ?></a>
  <a href="/events"><?= t('イベント', 'Events') ?></a>
<?php if (me()): ?>
  <a href="/members"><?= t('会員', 'Members') ?></a>
  <a href="/stats"><?= t('出席', 'Attendance') ?></a>
  <a href="/search"><?= t('検索', 'Search') ?></a>
<?php endif ?>
<?php if (is_admin()) { ?>
  <a href="/admin"><?= t('管理', 'Admin') ?></a>
<?php } ?>
</header>
<main>
<?php
foreach ($_SESSION['flash'] ?? [] as [$kind, $message]) {
    echo '<p class="flash ' . h($kind) . '">' . h($message) . "</p>\n";
}
unset($_SESSION['flash']);
?>
