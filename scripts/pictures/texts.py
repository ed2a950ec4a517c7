"""What stands on drawn pictures, in five languages: receipts, chats, slides, signs and memes."""

from __future__ import annotations

from typing import Any

TEXTS: dict[str, dict[str, Any]] = {
    "en": {
        "shop": ("Corner Bakery", "12 Mill Road", "Thank you for shopping"),
        "items": "Wholemeal bread, Orange juice, Butter, Cheddar cheese, Apples, Coffee beans, Soap, Envelopes",
        "total": "Total",
        "chat": (
            "Are you coming to dinner tonight?",
            "Yes, around eight o'clock",
            "Shall I bring dessert?",
            "Please, the lemon cake again",
            "The train is delayed by twenty minutes",
            "No problem, we will wait for you",
        ),
        "slides": (
            (
                "Quarterly results",
                "Revenue grew by 14 percent",
                "Costs fell in every region",
                "Hiring resumes in March",
            ),
            ("Project timeline", "Design review in April", "Prototype before summer", "Launch planned for autumn"),
        ),
        "signs": (
            ("NO PARKING", "Private property"),
            ("Museum entrance", "Open daily 10 to 18"),
            ("Wet paint",),
            ("Harbour Street", "Ferry terminal"),
        ),
        "memes": (
            ("WHEN THE COFFEE", "FINALLY STARTS WORKING"),
            ("ONE DOES NOT SIMPLY", "FINISH A MEETING EARLY"),
            ("NOBODY EXPECTED", "A QUIET MONDAY"),
        ),
    },
    "de": {
        "shop": ("Bäckerei Müller", "Hauptstraße 7", "Vielen Dank für Ihren Einkauf"),
        "items": "Roggenbrot, Käse, Äpfel, Brötchen, Milch, Würstchen, Süßkirschen, Spülmittel",
        "total": "Summe",
        "chat": (
            "Kommst du heute Abend zum Essen?",
            "Ja, gegen acht Uhr",
            "Soll ich Nachtisch mitbringen?",
            "Gern, wieder den Käsekuchen",
            "Der Zug hat zwanzig Minuten Verspätung",
            "Macht nichts, wir warten auf dich",
        ),
        "slides": (
            (
                "Ergebnisse im Überblick",
                "Umsatz um 14 Prozent gestiegen",
                "Kosten überall gesunken",
                "Neue Stellen ab März",
            ),
        ),
        "signs": (
            ("Einfahrt freihalten", "Privatgrundstück"),
            ("Öffnungszeiten", "täglich 10 bis 18 Uhr"),
            ("Achtung Stufe",),
        ),
        "memes": (("WENN DER KAFFEE", "ENDLICH WIRKT"), ("NIEMAND HATTE", "EINEN RUHIGEN MONTAG ERWARTET")),
    },
    "fr": {
        "shop": ("Boulangerie Lefèvre", "3 rue du Château", "Merci de votre visite"),
        "items": "Baguette, Crème fraîche, Jambon, Pâté, Pêches, Café moulu, Éponges, Fromage",
        "total": "Total",
        "chat": (
            "Tu viens dîner ce soir ?",
            "Oui, vers huit heures",
            "Je prends un dessert ?",
            "Volontiers, le gâteau au citron",
            "Le train est retardé de vingt minutes",
            "Pas de problème, on attend",
        ),
        "slides": (
            (
                "Résultats du trimestre",
                "Hausse des ventes de 14 pour cent",
                "Coûts réduits partout",
                "Embauches dès mars",
            ),
        ),
        "signs": (
            ("Défense de stationner", "Propriété privée"),
            ("Sortie de secours",),
            ("Marché couvert", "ouvert samedi"),
        ),
        "memes": (("QUAND LE CAFÉ", "FAIT ENFIN EFFET"),),
    },
    "es": {
        "shop": ("Panadería Núñez", "Calle Mayor 21", "Gracias por su compra"),
        "items": "Pan integral, Jamón serrano, Aceitunas, Limones, Azúcar, Café molido, Jabón, Piñas",
        "total": "Importe",
        "chat": (
            "¿Vienes a cenar esta noche?",
            "Sí, sobre las ocho",
            "¿Llevo algún postre?",
            "Claro, la tarta de limón",
            "El tren llega veinte minutos tarde",
            "No importa, te esperamos mañana",
        ),
        "slides": (
            (
                "Resultados del año",
                "Ventas un 14 por ciento mayores",
                "Menos costes en cada región",
                "Contratación en marzo",
            ),
        ),
        "signs": (("Prohibido aparcar", "Propiedad privada"), ("Estación central",), ("Cuidado con el escalón",)),
        "memes": (("CUANDO EL CAFÉ", "POR FIN FUNCIONA"),),
    },
    "zh": {
        "shop": ("北京面包店", "中山路", "谢谢光临"),
        "items": "全麦面包, 橙汁, 黄油, 苹果, 咖啡豆, 牛奶, 鸡蛋, 洗衣粉",
        "total": "合计",
        "chat": ("今晚来吃饭吗", "好的八点到", "要带甜点吗", "请带柠檬蛋糕", "火车晚点二十分钟", "没关系我们等你"),
        "slides": (("季度报告", "收入增长百分之十四", "成本下降", "三月开始招聘"),),
        "signs": (("禁止停车", "私人住宅"), ("博物馆入口",), ("小心台阶",)),
        "memes": (("当咖啡终于", "开始起作用"),),
    },
}
