<?php

require_login();
$member = me();
$errors = [];
$in = $member;

if (is_post()) {
    check_csrf();
    $action = post_str('action');

    if ($action === 'photo') {
        $file = $_FILES['photo'] ?? null;
        if (!is_array($file) || !is_int($file['error'] ?? null) || $file['error'] === UPLOAD_ERR_NO_FILE) {
            $errors[] = t('写真を選んでください。', 'Please choose a photo.');
        } elseif ($file['error'] !== UPLOAD_ERR_OK || $file['size'] > 2 * 1024 * 1024) {
            $errors[] = t('写真は2MBまでです。', 'The photo can have at most 2 MB.');
        } else {
            $data = file_get_contents($file['tmp_name']);
            $info = @getimagesizefromstring($data);
            $allowed = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'];
            if (!$info || !in_array($info['mime'], $allowed)) {
                $errors[] = t('JPEG、PNG、GIF、WebPの写真を選んでください。', 'Please choose a JPEG, PNG, GIF or WebP photo.');
            } else {
                $st = db()->prepare('REPLACE INTO member_photos (member_id, mime, data, etag, updated_at) VALUES (?, ?, ?, ?, NOW())');
                $st->bindValue(1, $member['id'], PDO::PARAM_INT);
                $st->bindValue(2, $info['mime']);
                $st->bindValue(3, $data, PDO::PARAM_LOB);
                $st->bindValue(4, md5($data));
                $st->execute();
                flash(t('写真を保存しました。', 'Your photo is saved.'));
                redirect('/profile');
            }
        }
    } elseif ($action === 'delete_photo') {
        q('DELETE FROM member_photos WHERE member_id = ?', [$member['id']]);
        flash(t('写真を削除しました。', 'Your photo is deleted.'));
        redirect('/profile');
    } elseif ($action === 'password') {
        $new = is_string($_POST['new_password'] ?? null) ? $_POST['new_password'] : '';
        $old = is_string($_POST['old_password'] ?? null) ? $_POST['old_password'] : '';
        if (!password_verify($old, $member['password_hash'])) {
            $errors[] = t('現在のパスワードが違います。', 'The current password is wrong.');
        } elseif (strlen($new) < 8 || strlen($new) > 72) {
            $errors[] = t('パスワードは8文字以上にしてください。', 'The password needs at least 8 characters.');
        } else {
            q('UPDATE members SET password_hash = ? WHERE id = ?', [password_hash($new, PASSWORD_DEFAULT), $member['id']]);
            q('DELETE FROM api_tokens WHERE member_id = ?', [$member['id']]);
            flash(t('パスワードを変更しました。', 'Your password is changed.'));
            redirect('/profile');
        }
    } else {
        $in['name'] = normalize_name(post_str('name'));
        $in['name_kana'] = mb_convert_kana(normalize_name(post_str('name_kana')), 'KVC');
        $in['phone'] = mb_convert_kana(post_str('phone'), 'a');
        $in['birthday'] = post_str('birthday');
        $in['bio'] = post_str('bio');
        if ($in['name'] === '' || mb_strlen($in['name']) > 100) {
            $errors[] = t('お名前を入力してください。', 'Please enter your name.');
        }
        if (mb_strlen($in['name_kana']) > 100) {
            $errors[] = t('フリガナが長すぎます。', 'The reading is too long.');
        }
        if ($in['phone'] !== '' && !preg_match('/^[0-9+() -]{6,20}$/', $in['phone'])) {
            $errors[] = t('電話番号を正しく入力してください。', 'Please enter a valid phone number.');
        }
        if ($in['birthday'] !== '' && (!valid_date($in['birthday']) || $in['birthday'] > date('Y-m-d'))) {
            $errors[] = t('生年月日を正しく入力してください。', 'Please enter a valid date of birth.');
        }
        if (mb_strlen($in['bio']) > 2000) {
            $errors[] = t('自己紹介は2000文字までです。', 'The text can have at most 2000 characters.');
        }
        if (!$errors) {
            q('UPDATE members SET name = ?, name_kana = ?, phone = ?, birthday = ?, bio = ? WHERE id = ?', [
                $in['name'],
                $in['name_kana'],
                $in['phone'] === '' ? null : $in['phone'],
                $in['birthday'] === '' ? null : $in['birthday'],
                $in['bio'] === '' ? null : $in['bio'],
                $member['id'],
            ]);
            forget_home(); // names are shown there
            flash(t('プロフィールを保存しました。', 'Your profile is saved.'));
            redirect('/profile');
        }
    }
    http_response_code(422);
}

$has_photo = value('SELECT COUNT(*) FROM member_photos WHERE member_id = ?', [$member['id']]) > 0;
$my_events = rows('SELECT e.* FROM signups s JOIN events e ON e.id = s.event_id WHERE s.member_id = ? AND e.starts_at >= NOW() ORDER BY e.starts_at', [$member['id']]);

$title = t('マイページ', 'My page');
require ROOT . '/templates/header.php';
?>
<h1><?= h(with_san($member['name'])) ?></h1>
<?php foreach ($errors as $error): ?>
<p class="error"><?= h($error) ?></p>
<?php endforeach ?>
<p><img class="photo" src="/members/<?= $member['id'] ?>/photo" alt=""></p>
<p><?= t('会員番号', 'Card number') ?>: <?= h($member['card_no']) ?> / <?= t('今月の来館', 'Visits this month') ?>: <?= visits_this_month($member) ?></p>

<h2><?= t('申し込んだイベント', 'My events') ?></h2>
<ul>
<?php foreach ($my_events as $e) { ?>
  <li><?= h(format_datetime($e['starts_at'])) ?> <a href="/events/<?= $e['id'] ?>"><?= h($e['title']) ?></a></li>
<?php } ?>
</ul>

<h2><?= t('写真', 'Photo') ?></h2>
<form method="post" enctype="multipart/form-data">
  <?= csrf_field() ?>
  <input type="hidden" name="action" value="photo">
  <input type="file" name="photo" accept="image/*">
  <button><?= t('アップロード', 'Upload') ?></button>
</form>
<?php if ($has_photo): ?>
<form method="post"><?= csrf_field() ?><input type="hidden" name="action" value="delete_photo"><button><?= t('写真を削除', 'Delete photo') ?></button></form>
<?php endif ?>

<h2><?= t('プロフィール', 'Profile') ?></h2>
<form method="post">
  <?= csrf_field() ?>
  <input type="hidden" name="action" value="profile">
  <label for="name"><?= t('お名前', 'Name') ?></label>
  <input type="text" name="name" id="name" value="<?= h($in['name']) ?>" maxlength="100" required>
  <label for="name_kana"><?= t('フリガナ', 'Reading (katakana)') ?></label>
  <input type="text" name="name_kana" id="name_kana" value="<?= h($in['name_kana']) ?>" maxlength="100">
  <label for="phone"><?= t('電話番号', 'Phone') ?></label>
  <input type="text" name="phone" id="phone" value="<?= h($in['phone']) ?>" maxlength="20">
  <label for="birthday"><?= t('生年月日', 'Date of birth') ?></label>
  <input type="date" name="birthday" id="birthday" value="<?= h($in['birthday']) ?>">
  <label for="bio"><?= t('自己紹介', 'About me') ?></label>
  <textarea name="bio" id="bio" rows="5"><?= h($in['bio']) ?></textarea>
  <br><button><?= t('保存', 'Save') ?></button>
</form>

<h2><?= t('パスワード変更', 'Change password') ?></h2>
<form method="post">
  <?= csrf_field() ?>
  <input type="hidden" name="action" value="password">
  <label for="old_password"><?= t('現在のパスワード', 'Current password') ?></label>
  <input type="password" name="old_password" id="old_password">
  <label for="new_password"><?= t('新しいパスワード', 'New password') ?></label>
  <input type="password" name="new_password" id="new_password">
  <br><button><?= t('変更', 'Change') ?></button>
</form>
<?php require ROOT . '/templates/footer.php';
