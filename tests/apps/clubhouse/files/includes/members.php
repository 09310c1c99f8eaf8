<?php

function find_member(int $id): ?array
{
    return row('SELECT * FROM members WHERE id = ?', [$id]);
}

/** Returns the new id. */
function create_member($email, $password_hash, $name, $kana, $role = 'member', $joined_on = null)
{
    q(
        'INSERT INTO members (email, password_hash, name, name_kana, role, joined_on) VALUES (?, ?, ?, ?, ?, ?)',
        [$email, $password_hash, $name, $kana, $role, $joined_on ?? date('Y-m-d')]
    );
    $id = (int)db()->lastInsertId();
    // number on the membership card: C00001, C00002, ...
    q('UPDATE members SET card_no = ? WHERE id = ?', [sprintf('C%05d', $id), $id]);
    return $id;
}

/** Problems with what somebody typed into the registration form (or /install), by field. */
function registration_errors($in)
{
    $errors = [];
    if (!filter_var($in['email'], FILTER_VALIDATE_EMAIL) || strlen($in['email']) > 190) {
        $errors['email'] = t('メールアドレスを正しく入力してください。', 'Please enter a valid e-mail address.');
    } elseif (value('SELECT COUNT(*) FROM members WHERE email = ?', [$in['email']]) > 0) {
        $errors['email'] = t('このメールアドレスはすでに登録されています。', 'This e-mail address is already registered.');
    }
    if ($in['name'] === '' || mb_strlen($in['name']) > 100) {
        $errors['name'] = t('お名前を入力してください。', 'Please enter your name.');
    }
    if (mb_strlen($in['name_kana']) > 100) {
        $errors['name_kana'] = t('フリガナが長すぎます。', 'The reading is too long.');
    }
    if (strlen($in['password']) < 8 || strlen($in['password']) > 72) {
        $errors['password'] = t('パスワードは8文字以上にしてください。', 'The password needs at least 8 characters.');
    }
    return $errors;
}

function member_link($id, $name)
{
    return '<a href="/members/' . (int)$id . '">' . h($name) . '</a>';
}

/** Some members write "さん" themselves... */
function with_san($name)
{
    if (lang() === 'en') {
        return $name;
    }
    return preg_match('/(さん|様)$/u', $name) ? $name : $name . 'さん';
}

function age($birthday)
{
    return $birthday ? (new DateTime($birthday))->diff(new DateTime('today'))->y : null;
}

function delete_member($id)
{
    $member = find_member($id);
    if (!$member) {
        return;
    }
    q('DELETE FROM attendances WHERE card_no = ?', [$member['card_no']]);
    q('DELETE FROM members WHERE id = ?', [$id]);
    forget_home();
}
