<?php
/** @var App\Html $this */

$path = "/$resource->name";
$pages = max(1, (int) ceil($list['total'] / $query->perPage));
?>
<form method="get" action="<?= $this->e($path) ?>" role="search" class="search">
<label for="q"><?= $this->t('search') ?></label>
<input type="search" id="q" name="q" value="<?= $this->e($query->search) ?>">
<button><?= $this->t('search') ?></button>
</form>
<?php if ($list['items'] === []): ?>
<p><?= $this->t('nothing') ?></p>
<?php else: ?>
<div class="scroll" tabindex="0">
<table>
<caption><?= $this->t('count', $list['total']) ?></caption>
<thead><tr>
<th scope="col">#</th>
<?php foreach ($resource->fields as $name => $field): ?>
<th scope="col"><a href="<?= $this->link($path, $query->with(['sort' => $query->sort === $name ? "-$name" : $name, 'page' => null])) ?>"><?= $this->e($this->label($name)) ?></a></th>
<?php endforeach ?>
</tr></thead>
<tbody>
<?php foreach ($list['items'] as $item): ?>
<tr>
<th scope="row"><a href="<?= $this->link($path, ['id' => $item['id']]) ?>"><?= $this->t('edit') ?> <?= (int) $item['id'] ?></a></th>
<?php foreach ($resource->fields as $name => $field): ?>
<td><?php if ($field->target !== '' && $item[$name] !== null): ?><a href="<?= $this->link("/$field->target", ['id' => $item[$name]]) ?>">#<?= $this->e($item[$name]) ?></a><?php else: ?><?= $this->e($item[$name]) ?><?php endif ?></td>
<?php endforeach ?>
</tr>
<?php endforeach ?>
</tbody>
</table>
</div>
<?php endif ?>
<?php if ($pages > 1): ?>
<nav class="pages" aria-label="<?= $this->t('pages') ?>">
<?php foreach ([['previous', $query->page - 1], ['next', $query->page + 1]] as [$word, $page]): ?>
<?php if ($page >= 1 && $page <= $pages): ?>
<a href="<?= $this->link($path, $query->with(['page' => $page])) ?>"><?= $this->t($word) ?></a>
<?php endif ?>
<?php endforeach ?>
<span><?= $query->page ?> / <?= $pages ?></span>
</nav>
<?php endif ?>
<section class="card">
<h2><?= $this->t('new') ?></h2>
<?= $this->part('form', ['resource' => $resource, 'id' => null, 'values' => $values, 'errors' => $errors]) ?>
</section>
