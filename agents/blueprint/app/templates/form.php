<?php /** @var App\Html $this */ ?>
<form method="post" action="/<?= $this->e($resource->name) ?>">
<?= $this->token() ?>
<input type="hidden" name="_action" value="save">
<?php if ($id !== null): ?>
<input type="hidden" name="id" value="<?= $id ?>">
<?php endif ?>
<?php foreach ($errors['_'] ?? [] as $message): ?>
<p class="error" role="alert"><?= $this->e($message) ?></p>
<?php endforeach ?>
<?php foreach ($resource->fields as $name => $field): ?>
<?= $this->part('field', ['field' => $field, 'value' => $values[$name] ?? '', 'errors' => $errors[$name] ?? []]) ?>
<?php endforeach ?>
<button><?= $this->t('save') ?></button>
</form>
