<?php /** @var App\Html $this */ ?>
<section class="card">
<?= $this->part('form', ['resource' => $resource, 'id' => $id, 'values' => $values, 'errors' => $errors]) ?>
</section>
<section class="card">
<form method="post" action="/<?= $this->e($resource->name) ?>">
<?= $this->token() ?>
<input type="hidden" name="id" value="<?= $id ?>">
<details><summary><?= $this->t('delete') ?></summary>
<p><?= $this->t('sure') ?></p>
<button class="danger" name="_action" value="delete"><?= $this->t('delete') ?></button>
</details>
</form>
</section>
<p><a href="/<?= $this->e($resource->name) ?>"><?= $this->t('back') ?></a></p>
