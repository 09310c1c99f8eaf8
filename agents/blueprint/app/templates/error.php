<?php /** @var App\Html $this */ ?>
<p><a href="/"><?= $this->t('back') ?></a></p>
