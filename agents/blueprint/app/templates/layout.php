<?php /** @var App\Html $this */ ?>
<!doctype html>
<html lang="<?= $this->t('lang') ?>">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title><?= $this->e($title) ?></title>
<style><?= $style ?></style>
</head>
<body>
<header><nav aria-label="<?= $this->t('home') ?>"><a href="/"><?= $this->t('home') ?></a></nav></header>
<main>
<h1><?= $this->e($title) ?></h1>
<?= $content ?>
</main>
</body>
</html>
