<?php
/** @var App\Html $this */

use App\FieldType;

$id = "field-$field->name";
$common = 'id="' . $id . '" name="' . $this->e($field->name) . '"'
    . ($field->required ? ' required' : '')
    . ($errors === [] ? '' : ' aria-invalid="true" aria-describedby="' . $id . '-error"');
$text = is_bool($value) ? ($value ? 'true' : 'false') : (string) $value;
$choices = match ($field->type) {
    FieldType::Enum => array_combine($field->words, $field->words),
    FieldType::Bool => ['true' => $this->messages->get('yes'), 'false' => $this->messages->get('no')],
    default => [],
};
[$type, $more] = match ($field->type) {
    FieldType::Int => ['number', ' step="1"'],
    FieldType::Ref => ['number', ' step="1" min="1"'],
    FieldType::Decimal => ['text', ' inputmode="decimal"'],
    FieldType::Date => ['date', ''],
    FieldType::Datetime => ['datetime-local', ' step="1"'],
    FieldType::Email => ['email', ' maxlength="255"'],
    FieldType::Url => ['url', ''],
    default => ['text', ' maxlength="255"'],
};
// A one-line input would drop line ends.
$long = $field->type === FieldType::Text || ($field->type === FieldType::String && strpbrk($text, "\r\n") !== false);
?>
<p class="field">
<label for="<?= $id ?>"><?= $this->e($this->label($field->name)) ?><?= $field->type === FieldType::Datetime ? ' (UTC)' : '' ?>
<?php if ($field->required): ?><span class="mark"><?= $this->t('mark') ?></span><?php endif ?></label>
<?php if ($choices !== []): ?>
<select <?= $common ?>>
<option value="">—</option>
<?php foreach ($choices as $choice => $label): ?>
<option value="<?= $this->e($choice) ?>"<?= (string) $choice === $text ? ' selected' : '' ?>><?= $this->e($label) ?></option>
<?php endforeach ?>
</select>
<?php elseif ($long): ?>
<textarea <?= $common ?> rows="4">
<?= $this->e($text) ?></textarea>
<?php else: ?>
<input type="<?= $type ?>" <?= $common . $more ?> value="<?= $this->e($field->type === FieldType::Datetime ? rtrim($text, 'Z') : $text) ?>">
<?php endif ?>
<?php if ($field->target !== ''): ?>
<a class="hint" href="/<?= $this->e($field->target) ?>"><?= $this->t('which', $this->label($field->target)) ?></a>
<?php endif ?>
<?php foreach ($errors as $message): ?>
<span class="error" id="<?= $id ?>-error"><?= $this->e($message) ?></span>
<?php endforeach ?>
</p>
