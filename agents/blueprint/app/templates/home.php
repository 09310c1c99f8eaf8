<?php /** @var App\Html $this */ ?>
<ul class="cards">
<?php foreach ($names as $name): ?>
<li><a href="/<?= $this->e($name) ?>"><?= $this->e($this->label($name)) ?></a></li>
<?php endforeach ?>
</ul>
