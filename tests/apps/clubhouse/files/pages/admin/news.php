<?php

require_admin();

if ($id === null) {
    if (is_post()) {
        check_csrf();
        q('DELETE FROM news WHERE id = ?', [(int)post_str('id')]);
        forget_home();
        flash(t('お知らせを削除しました。', 'The news post is deleted.'));
        redirect('/admin/news');
    }
    $title = t('お知らせ管理', 'Manage news');
    require ROOT . '/templates/header.php';
    ?>
<h1><?= h($title) ?></h1>
<p><a href="/admin/news/new"><?= t('新しいお知らせ', 'New post') ?></a></p>
<table>
<?php foreach (rows('SELECT * FROM news ORDER BY published_at DESC') as $n): ?>
<tr>
  <td><?= h(format_datetime($n['published_at'])) ?></td><td><a href="/admin/news/<?= $n['id'] ?>"><?= h($n['title']) ?></a></td>
  <td><form method="post"><?= csrf_field() ?><input type="hidden" name="id" value="<?= $n['id'] ?>"><button class="small"><?= t('削除', 'delete') ?></button></form></td>
</tr>
<?php endforeach ?>
</table>
    <?php
    require ROOT . '/templates/footer.php';
    return;
}

if ($id === 'new') {
    $item = ['title' => '', 'body' => '', 'published_at' => date('Y-m-d H:i:00')];
} else {
    $item = row('SELECT * FROM news WHERE id = ?', [$id]);
    if (!$item) {
        not_found();
    }
}

$errors = [];
if (is_post()) {
    check_csrf();
    $item['title'] = post_str('title');
    $item['body'] = post_str('body');
    $item['published_at'] = post_str('published_at');
    $published_at = $item['published_at'] === '' ? date('Y-m-d H:i:s') : valid_datetime($item['published_at']);
    if ($item['title'] === '' || mb_strlen($item['title']) > 150) {
        $errors[] = t('タイトルを入力してください。', 'Please enter a title.');
    }
    if ($item['body'] === '' || mb_strlen($item['body']) > 10000) {
        $errors[] = t('本文を入力してください。', 'Please enter the text.');
    }
    if (!$published_at) {
        $errors[] = t('公開日時が正しくありません。', 'The date is not valid.');
    }
    if (!$errors) {
        if ($id === 'new') {
            q('INSERT INTO news (title, body, author_id, published_at) VALUES (?, ?, ?, ?)', [$item['title'], $item['body'], me()['id'], $published_at]);
        } else {
            q('UPDATE news SET title = ?, body = ?, published_at = ? WHERE id = ?', [$item['title'], $item['body'], $published_at, $id]);
        }
        forget_home();
        flash(t('お知らせを保存しました。', 'The news post is saved.'));
        redirect('/admin/news');
    }
    http_response_code(422);
}

$title = t('お知らせ編集', 'Edit news');
require ROOT . '/templates/header.php';
?>
<h1><?= h($title) ?></h1>
<?php foreach ($errors as $error): ?><p class="error"><?= h($error) ?></p><?php endforeach ?>
<form method="post">
  <?= csrf_field() ?>
  <label for="title"><?= t('タイトル', 'Title') ?></label>
  <input type="text" name="title" id="title" value="<?= h($item['title']) ?>" maxlength="150" required>
  <label for="body"><?= t('本文', 'Text') ?></label>
  <textarea name="body" id="body" rows="10" required><?= h($item['body']) ?></textarea>
  <label for="published_at"><?= t('公開日時', 'Published') ?></label>
  <input type="datetime-local" name="published_at" id="published_at" value="<?= h(substr(str_replace(' ', 'T', $item['published_at']), 0, 16)) ?>">
  <br><button><?= t('保存', 'Save') ?></button>
</form>
<?php require ROOT . '/templates/footer.php';
