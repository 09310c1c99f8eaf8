<?php require ROOT . '/templates/header.php'; ?>
<h1><?= h($message) ?></h1>
<p><a href="/"><?= t('トップページへ', 'To the front page') ?></a></p>
<?php require ROOT . '/templates/footer.php'; ?>
